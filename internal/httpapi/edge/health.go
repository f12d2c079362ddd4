package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// healthz says that the process is alive and takes requests. It asks no dependency: a restart repairs no database.
func (e *Edge) healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

var errNotReady = apperr.New(apperr.Unavailable, apperr.CodeUnavailable, "This instance can't serve requests right now.")

// readyz names the dependencies that failed. Why they failed is in the log alone. It answers from a look that is at most
// ReadyMaxAge old, since every stranger may ask.
func (e *Edge) readyz(c echo.Context) error {
	if e.unready.Load() || e.streams.Draining() {
		return errNotReady.WithDetail("checks", map[string]string{"server": "draining"})
	}
	look := e.look()
	<-look.ended
	if !look.ready {
		return errNotReady.WithDetail("checks", look.checks)
	}
	return c.JSON(http.StatusOK, map[string]any{"status": "ok", "checks": look.checks})
}

// looks has the latest look at the dependencies.
type looks struct {
	mu     sync.Mutex
	latest *look // nil: there was none
}

// look is one look at all dependencies.
type look struct {
	begun  time.Time
	ended  chan struct{}     // closed when the rest is known
	ready  bool              // all of them answered
	checks map[string]string // by the name of the dependency; never written again
}

// look returns the latest look, or begins one where that is too old. Requests at the same time share one.
func (e *Edge) look() *look {
	e.looks.mu.Lock()
	defer e.looks.mu.Unlock()
	if latest := e.looks.latest; latest != nil {
		select {
		case <-latest.ended:
			if time.Since(latest.begun) < e.cfg.ReadyMaxAge {
				return latest
			}
		default:
			return latest
		}
	}
	begun := &look{begun: time.Now(), ended: make(chan struct{}), checks: make(map[string]string, len(e.cfg.Ready))}
	e.looks.latest = begun
	go e.ask(begun)
	return begun
}

// ask asks all dependencies side by side. It ends with ReadyTimeout, whatever they do.
func (e *Edge) ask(l *look) {
	defer close(l.ended)
	ctx, cancel := context.WithTimeout(context.Background(), e.cfg.ReadyTimeout) // of no request: several wait for it
	defer cancel()

	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(e.cfg.Ready)) // room for those that answer after the time-out
	for name, check := range e.cfg.Ready {
		l.checks[name] = "failed"
		go func() { results <- result{name, runCheck(ctx, check)} }()
	}
	l.ready = true
	for range e.cfg.Ready {
		select {
		case r := <-results:
			if r.err == nil {
				l.checks[r.name] = "ok"
				continue
			}
			l.ready = false
			e.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", r.name), slog.String("error", r.err.Error()))
		case <-ctx.Done(): // the rest has failed
			l.ready = false
		}
	}
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
