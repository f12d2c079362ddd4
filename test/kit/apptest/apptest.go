// Package apptest runs the whole application inside a test: its own database, its own namespace in Redis, its own folder
// for pictures and mails, and a real HTTP server in front, every answer of which is held against the spec. Tests talk to
// it as clients do, through the generated client; what a client can't do (credits, the clock, mails) it does for them.
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

// BasePath is that of the operations.
const BasePath = "/api/v1"

// storagePath is where the development storage answers, by a protocol of its own.
const storagePath = "/storage/"

// App is an application under test. It is safe for concurrent use.
type App struct {
	URL   string          // of the server, without a slash at the end
	HTTP  *http.Client    // for whatever the generated client does not do
	Clock *Clock          // of the application; Postgres and Redis go by their own
	Store *postgres.Store // for a look behind the scenes

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
}

// Option changes what New makes.
type Option func(*settings)

// With sets a variable of the environment, such as RATE_LIMIT_FACTOR. DATABASE_URL must name a migrated database.
func With(name, value string) Option { return func(s *settings) { s.environ[name] = value } }

// WithWorker runs a worker in the same process. Without one, jobs stay queued and mails unsent.
func WithWorker() Option { return func(s *settings) { s.worker = true } }

// WithImages says who draws, by model, in place of the built-in provider.
func WithImages(r providers.Registry) Option { return func(s *settings) { s.images = r } }

// WithText says who writes replies, in place of the built-in provider.
func WithText(w providers.Text) Option { return func(s *settings) { s.text = w } }

// WithLog takes the log. Otherwise warnings and errors go to the test's output.
func WithLog(h slog.Handler) Option { return func(s *settings) { s.log = h } }

// Beside makes another process of the same deployment: with the other's database, Redis, pictures, mails and clock.
func Beside(other *App) Option { return func(s *settings) { s.beside = other } }

// New starts an application, and stops it when the test ends. Mind that a sign-up is limited to twenty an hour and
// address unless RATE_LIMIT_FACTOR says otherwise.
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
	a.serve(t, server)
	a.run(t, s.worker)
	return a
}

// provide finds what an application needs and given does not name.
func (a *App) provide(t testing.TB, given map[string]string) {
	t.Helper()
	maps.Copy(a.environ, map[string]string{
		"JWT_SECRET": "a test keeps no secrets, but its keys have to be long enough",
		"DEV_DIR":    t.TempDir(),
		// The cheapest hash that there is. What a real one costs is the password package's to test.
		"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1",
	})
	if given["DATABASE_URL"] == "" {
		a.environ["DATABASE_URL"] = pgtest.New(t)
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

// serve starts the server with the API behind a check of its answers.
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

// run plays the rest of a process: it hears events and, if it is to, works.
func (a *App) run(t testing.TB, worker bool) {
	t.Helper()
	admin, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // a process without a role would end at once
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.app.Run(ctx, app.Roles{Admin: admin, Worker: worker, Edge: true}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}
