package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// healthz says that the process is alive and takes requests. It asks no dependency: a restart repairs no database.
func (e *Edge) healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

var errNotReady = apperr.New(apperr.Unavailable, apperr.CodeUnavailable, "This instance can't serve requests right now.")

// readyz asks all dependencies side by side and names those that failed. Why they failed is in the log alone.
func (e *Edge) readyz(c echo.Context) error {
	if e.unready.Load() || e.streams.Draining() {
		return errNotReady.WithDetail("checks", map[string]string{"server": "draining"})
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), e.cfg.ReadyTimeout)
	defer cancel()

	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(e.cfg.Ready)) // room for those that answer after the time-out
	checks := make(map[string]string, len(e.cfg.Ready))
	for name, check := range e.cfg.Ready {
		checks[name] = "failed"
		go func() { results <- result{name, runCheck(ctx, check)} }()
	}
	ready := true
	for range e.cfg.Ready {
		select {
		case r := <-results:
			if r.err == nil {
				checks[r.name] = "ok"
				continue
			}
			ready = false
			e.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", r.name), slog.String("error", r.err.Error()))
		case <-ctx.Done(): // the rest has failed
			ready = false
		}
	}
	if !ready {
		return errNotReady.WithDetail("checks", checks)
	}
	return c.JSON(http.StatusOK, map[string]any{"status": "ok", "checks": checks})
}

// runCheck runs a check and makes an error of a panic, which would otherwise end the process: no other recovery covers this
// goroutine.
func runCheck(ctx context.Context, check func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return check(ctx)
}
