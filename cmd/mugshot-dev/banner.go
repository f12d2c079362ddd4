package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
)

// listenAnywhere listens on addr or, where that is taken, on a free port, which the banner prints.
func listenAnywhere(ctx context.Context, addr string) (net.Listener, error) {
	if l, err := app.Listen(ctx, "ADMIN_ADDR", addr); err == nil {
		return l, nil
	}
	return app.Listen(ctx, "ADMIN_ADDR", "127.0.0.1:0")
}

func banner(console io.Writer, cfg config.Config, admin string) {
	_, _ = fmt.Fprintf(console, `
  %s is running.

  API        %s%s
  Reference  %s/docs
  Jobs       http://%s/jobs (what waits, runs and fails)
  Metrics    http://%s/metrics
  Mails      %s (codes are printed here, too)

  Credits:   make credits EMAIL=you@example.com AMOUNT=100
  Stop:      Ctrl-C

`, cfg.ProjectName, cfg.PublicAPIURL, cfg.BasePath, cfg.PublicAPIURL, admin, admin, filepath.Join(cfg.DevDir, "mail"))
}
