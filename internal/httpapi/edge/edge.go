// Package edge is what runs in front of every operation, and the one place where an error becomes an answer (problem.go).
//
// [New] puts together, for every operation of the spec: request id and client address, access log and recovery, security
// headers and CORS, authentication, validation of parameters and body, and the rate limit. What an operation needs of these
// it declares in api/openapi.yaml, and New fails for one that leaves something undeclared. A handler behind it asks
// [PrincipalFrom] and [ClientFrom] for what the edge knows of its request.
//
// It knows no domain: authentication and counting come in its [Config]. It alone knows Echo.
package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/sse"
)

// Config has what the edge needs from its caller. BasePath, Log, Authenticate and NewID are required.
type Config struct {
	BasePath string // of the operations, such as /api/v1; without a slash at the end
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
	NewID    func() uuid.UUID // of requests

	// Authenticate verifies a bearer token and that its session is alive. It fails with errors of apperr: unauthenticated,
	// or unavailable where it can't find out.
	Authenticate func(ctx context.Context, token string) (Principal, error)
	// SessionAlive tells whether a session may still be used, for the streams that it opened; nil: it may.
	SessionAlive func(ctx context.Context, p Principal) (bool, error)
	Limiter      Limiter // nil: nothing is limited
	// DeadCookies make a browser forget the cookies that operations of the spec take; nil: there are none.
	DeadCookies func() []*http.Cookie
	// Ready are the dependencies without which nothing works, by the name that /readyz shows.
	Ready map[string]func(context.Context) error

	TrustedProxies []netip.Prefix          // peers whose X-Forwarded-For is trusted
	AllowedOrigins []string                // origins whose pages may call with credentials, compared whole
	Mount          map[string]http.Handler // other handlers by path prefix, such as "/storage/"; prefixes end in a slash
	HSTS           bool                    // whether clients are told to use TLS alone

	Report  func(ctx context.Context, err error)     // takes errors behind 5xx and panics; nil: not reported
	Observe func(ctx context.Context, served Served) // takes every answered request; nil: not observed

	// Trace begins a span around each request; nil: not traced. Event streams and probes have no span.
	Trace func(http.Handler) http.Handler

	Heartbeat    time.Duration // between the comments in an idle event stream; 0: 15 s, as the contract says
	StreamWrite  time.Duration // for a client to take one event before its stream ends; 0: 30 s
	MaxStreams   int           // event streams at a time; 0: no limit
	UserStreams  int           // of them, of one account; 0: no limit
	ReadyTimeout time.Duration // for all dependencies to answer /readyz; 0: 2 s
	ReadyMaxAge  time.Duration // of a look at them that still answers /readyz; 0: 1 s
}

// Edge is the public HTTP handler. It is safe for concurrent use.
type Edge struct {
	cfg     Config
	echo    *echo.Echo
	traced  http.Handler // echo within a span
	streams *sse.Server
	unready atomic.Bool
	looks   looks

	deadlines deadlines
}

// New builds the public handler around an implementation of the strict interface. It fails for a configuration that
// can't be right and for a spec with an operation that leaves something undeclared.
func New(cfg Config, impl api.StrictServerInterface) (*Edge, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("http edge: %w", err)
	}
	doc, err := api.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("http edge: load embedded spec: %w", err)
	}
	operations, err := readOperations(doc)
	if err != nil {
		return nil, fmt.Errorf("http edge: read spec: %w", err)
	}
	e := &Edge{cfg: cfg, echo: newEcho(), streams: sse.NewServer(sse.Config{
		Heartbeat: cfg.Heartbeat, WriteTimeout: cfg.StreamWrite, MaxOpen: cfg.MaxStreams, MaxOfOwner: cfg.UserStreams,
	})}
	e.echo.HTTPErrorHandler = func(err error, c echo.Context) { e.fail(c, err) }
	// Not a Group: its middleware needs a catch-all route, which turns 405 into 404.
	e.echo.Use(e.observe)
	middleware := make(map[string][]echo.MiddlewareFunc, len(operations))
	for id, op := range operations {
		middleware[id] = []echo.MiddlewareFunc{e.inFrontOf(op)}
	}
	api.RegisterHandlersWithOptions(e.echo, api.NewStrictHandler(impl, nil), api.RegisterHandlersOptions{
		BaseURL: cfg.BasePath, OperationMiddlewares: middleware,
	})
	if err := e.addPages(); err != nil {
		return nil, fmt.Errorf("http edge: %w", err)
	}
	for prefix, handler := range cfg.Mount {
		e.echo.Any(prefix+"*", echo.WrapHandler(handler))
	}
	e.traced = e.echo
	if cfg.Trace != nil {
		e.traced = cfg.Trace(e.echo)
	}
	return e, nil
}

// ServeHTTP implements http.Handler.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := r.URL.Path; strings.HasSuffix(path, "/events") || path == "/healthz" || path == "/readyz" {
		e.echo.ServeHTTP(w, r) // a span would last as long as its stream; one of a probe says nothing
		return
	}
	e.traced.ServeHTTP(w, r)
}

// FailReadiness makes /readyz answer 503, and every answer close its connection, so that load
// balancers turn to other instances; everything is served as before. It returns at once and may be called again.
func (e *Edge) FailReadiness() { e.unready.Store(true) }

// Drain makes /readyz answer 503, ends every event stream with a hint when to come back, and refuses new ones. Other
// requests are served as before; http.Server.Shutdown waits for them, and Wait for the streams. It returns at once and may
// be called again.
func (e *Edge) Drain() { e.streams.Drain() }

// RecheckStreams has the event streams of an account end whose sessions have ended, at once instead of at their next
// heartbeat; "" is every account.
func (e *Edge) RecheckStreams(userID string) { e.streams.Recheck(userID) }

// Wait waits until the event streams of a draining Edge have ended; see [sse.Server.Wait].
func (e *Edge) Wait(ctx context.Context) error { return e.streams.Wait(ctx) }

// inFrontOf returns what runs between an operation's route and its handler. Security comes first: a client that is not
// allowed to ask learns nothing about how to ask.
func (e *Edge) inFrontOf(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			r, call := c.Request(), callOf(c)
			defer func() {
				if err != nil {
					e.forgetCookies(c.Response(), r, op, err)
				}
			}()
			if op.secured {
				if err := e.authenticate(r, call); err != nil {
					return err
				}
			}
			body, err := op.validate(c)
			if err != nil {
				return err
			}
			if err := e.limit(r.Context(), c.Response().Header(), op, call, body); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// isTidy reports whether no segment of a path is empty. Echo would match some paths with one, with an empty parameter, and one
// that ends in a slash.
func isTidy(u *url.URL) bool {
	path := u.EscapedPath() // a slash within a parameter ends no segment
	return !strings.HasSuffix(path, "/") && !strings.Contains(path, "//")
}

// addPages registers the pages outside of the base path.
func (e *Edge) addPages() error {
	pages := specPages(e.cfg.BasePath)
	docs, err := docsPages()
	if err != nil {
		return err
	}
	maps.Copy(pages, docs)
	pages["/healthz"] = e.healthz
	pages["/readyz"] = e.readyz
	for path, page := range pages {
		e.echo.GET(path, page)
		e.echo.HEAD(path, page)
	}
	return nil
}

// newEcho returns a router and nothing of Echo's own answers, logs and servers.
func newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	return e
}

func (cfg *Config) setDefaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 15*time.Second)
	cfg.StreamWrite = cmp.Or(cfg.StreamWrite, 30*time.Second)
	cfg.ReadyTimeout = cmp.Or(cfg.ReadyTimeout, 2*time.Second)
	cfg.ReadyMaxAge = cmp.Or(cfg.ReadyMaxAge, time.Second)
}

func (cfg *Config) check() error {
	var faults []error
	if !strings.HasPrefix(cfg.BasePath, "/") || strings.HasSuffix(cfg.BasePath, "/") || strings.ContainsAny(cfg.BasePath, ":*?#") {
		faults = append(faults, fmt.Errorf("base path %q: must begin with a slash, must not end in one, and must be literal", cfg.BasePath))
	}
	if cfg.Log == nil || cfg.Authenticate == nil || cfg.NewID == nil {
		faults = append(faults, errors.New("log, authenticate and newID are required"))
	}
	for prefix := range cfg.Mount {
		if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") || len(prefix) < 3 {
			faults = append(faults, fmt.Errorf("mount %q: must begin and end with a slash", prefix))
		}
	}
	return errors.Join(append(faults, checkOrigins(cfg.AllowedOrigins))...)
}
