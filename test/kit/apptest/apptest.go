// Package apptest runs the whole application inside a test, with its own database, namespace in Redis, folder for pictures and
// mails, and HTTP server. Every answer is checked against the spec. Tests use it through the generated client, as clients do;
// for what a client can't do (grant credits, set the clock, read mails) [App] has methods.
package apptest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
	"github.com/mugshot-studio/backend/test/kit/speccheck"
)

// BasePath is the path of the API on the server.
const BasePath = "/api/v1"

// storagePath is the path of the development storage, which has a protocol of its own.
const storagePath = "/storage/"

// App is an application under test. It is safe for concurrent use.
type App struct {
	URL   string          // of the server, without a slash at the end
	HTTP  *http.Client    // for requests that the generated client does not make
	Clock *Clock          // of the application; Postgres and Redis have their own
	Store *postgres.Store // the application's database

	app       *app.App
	mails     *mailbox
	environ   map[string]string
	namespace string
}

type settings struct {
	environ map[string]string
	worker  bool
	images  providers.Registry
	text    providers.Text
	log     slog.Handler
	beside  *App
	bounds  func(*http.Server)
}

// Option changes what [New] makes.
type Option func(*settings)

// With sets a variable of the environment, such as RATE_LIMIT_FACTOR. DATABASE_URL must name a migrated database.
func With(name, value string) Option { return func(s *settings) { s.environ[name] = value } }

// WithWorker runs a worker in the same process. Without one, jobs stay queued and mails unsent.
func WithWorker() Option { return func(s *settings) { s.worker = true } }

// WithImages replaces the built-in image provider by those of a registry.
func WithImages(r providers.Registry) Option { return func(s *settings) { s.images = r } }

// WithText replaces the built-in text provider.
func WithText(w providers.Text) Option { return func(s *settings) { s.text = w } }

// WithLog sets the handler of the log. Without it, warnings and errors go to the test's output.
func WithLog(h slog.Handler) Option { return func(s *settings) { s.log = h } }

// WithBounds sets what the HTTP server waits for; without it the server waits for ever.
func WithBounds(set func(*http.Server)) Option { return func(s *settings) { s.bounds = set } }

// Beside makes another process of the same deployment, which shares database, Redis, pictures, mails and clock with the other.
func Beside(other *App) Option { return func(s *settings) { s.beside = other } }

// New starts an application, and stops it when the test ends. Without RATE_LIMIT_FACTOR, twenty sign-ups an hour are allowed
// from one address, and all requests of a test come from one.
func New(t testing.TB, options ...Option) *App {
	t.Helper()
	s := settings{environ: map[string]string{}, log: slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})}
	for _, option := range options {
		option(&s)
	}
	server := httptest.NewUnstartedServer(nil) // listens already: signed addresses have to name its port
	a := &App{URL: "http://" + server.Listener.Addr().String(), environ: map[string]string{}}
	if other := s.beside; other != nil {
		a.Clock, a.mails, a.namespace = other.Clock, other.mails, other.namespace
		maps.Copy(a.environ, other.environ)
	} else {
		a.Clock, a.mails, a.namespace = new(Clock), newMailbox(), redistest.Namespace(t)
		a.provide(t, s.environ)
	}
	maps.Copy(a.environ, s.environ)
	a.environ["PUBLIC_API_URL"] = a.URL
	a.open(t, s)
	if s.bounds != nil {
		s.bounds(server.Config)
	}
	a.serve(t, server)
	a.run(t, s.worker)
	return a
}

// provide sets the environment that an application needs and that given does not set.
func (a *App) provide(t testing.TB, given map[string]string) {
	t.Helper()
	maps.Copy(a.environ, map[string]string{
		"JWT_SECRET": "a test keeps no secrets, but its keys have to be long enough",
		"DEV_DIR":    t.TempDir(),
		// The cheapest hash that is allowed. The password package tests the real one.
		"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1",
	})
	if given["DATABASE_URL"] == "" {
		a.environ["DATABASE_URL"], _ = pgtest.Runtime(t)
	}
	if given["REDIS_URL"] == "" {
		a.environ["REDIS_URL"] = redistest.URL(t)
	}
}

func (a *App) open(t testing.TB, s settings) {
	t.Helper()
	cfg, err := config.Load(a.environ)
	require.NoError(t, err)
	a.app, err = app.Open(t.Context(), cfg, app.Environment{
		Log: slog.New(s.log), Now: a.Clock.Now, Random: rand.Reader, NewID: newID, Console: a.mails,
		Namespace: a.namespace, Images: s.images, Text: s.text,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.app.Close()) })
	require.NoError(t, a.app.Objects().EnsureBuckets(t.Context(), storage.Buckets()))
	a.Store = a.app.Store()
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// serve starts the HTTP server, with a check of every answer.
func (a *App) serve(t testing.TB, server *httptest.Server) {
	t.Helper()
	edge, err := a.app.Edge()
	require.NoError(t, err)
	server.Config.Handler = speccheck.Wrap(t, BasePath, edge, storagePath)
	server.Start()
	a.HTTP = server.Client()
	t.Cleanup(func() {
		edge.Drain() // streams would keep the server from closing
		server.Close()
		require.NoError(t, edge.Wait(context.WithoutCancel(t.Context())))
	})
}

// run runs the rest of a process: the subscription to events and, if wanted, a worker.
func (a *App) run(t testing.TB, worker bool) {
	t.Helper()
	admin, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // Run returns at once without any role
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.app.Run(ctx, app.Roles{Admin: admin, Worker: worker, Edge: true}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}
