package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// healthTimeout is above what /readyz takes to give up on its dependencies.
const healthTimeout = 4 * time.Second

// health asks the process beside it, so that a container without a shell can be checked: exit code 0 when it is ready.
func health(ctx context.Context, args []string) error {
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	cfg, err := config.LoadAPI(environ) // what every role has
	if err != nil {
		return err
	}
	name, addr := "ADMIN_ADDR", cfg.AdminAddr // where every role has one
	switch {
	case slices.Equal(args, []string{"api"}):
		name, addr = "HTTP_ADDR", cfg.HTTPAddr
	case len(args) > 0:
		return errUsage
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // it listens everywhere, here too
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask at %s: %w", name, err)
	}
	answer, err := new(http.Client).Do(r)
	if err != nil {
		return fmt.Errorf("ask at %s: %w", name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready at %s: %s", name, answer.Status)
	}
	return nil
}
