// Package app wires a process together, starts it and stops it. Plain Go: no container, no globals.
//
// [Open] builds, in this order: telemetry, so that it is closed last and sees everything; the pools of Postgres and Redis;
// the storage; the mail sender; providers and services. It dials nothing that may still be starting.
//
// [App.Run] starts, in this order: the hub that delivers events, the worker with the sweeper, the API, and the edge for
// operators. When its context ends it stops in this order:
//
//  1. The API reports that it is not ready, and still serves for DRAIN_GRACE, until load balancers have noticed. The worker
//     takes no more tasks.
//  2. Streams are told to come back later; requests and tasks that are under way get DRAIN_TIMEOUT to end. A task that has
//     not ended by then goes back to its queue.
//  3. The hub stops, once all its readers have.
//
// [App.Close] then closes what Open opened, last opened first.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
)

// App is everything that a process may need, in any of its roles. The caller of [Open] closes it.
type App struct {
	cfg         config.Config
	environment Environment
	meters      *prometheus.Registry
	metrics     *telemetry.Metrics

	ring        *token.Keyring
	csrf        *token.CSRFTokens
	store       *postgres.Store
	queue       *queue.Queue
	hub         *events.Hub
	counters    *ratelimit.Counters
	objects     storage.Store
	sender      mail.Sender
	registry    providers.Registry
	breakerOpen func(modelID string) bool
	replyText   replyText
	moderator   providers.Moderator // of pictures that are to be copied
	catalog     *catalog.Catalog

	assets   *assets.Service
	auth     *auth.Service
	mailer   *outbox.Mailer
	account  *account.Service
	credits  *credits.Service
	projects *projects.Service
	safety   *safety.Service
	jobs     *jobs.Service
	renderer *jobs.Renderer
	backlog  *backlog.Service
	ledger   *ledger.Checker
	chats    *chat.Service
	replier  *chat.Replier

	tracing *telemetry.Tracing // nil: off

	closers []func() error
}

// Environment is what a process takes from its surroundings: the clock, randomness, the log, and, for tests, providers in
// place of the configured ones.
type Environment struct {
	Log     *slog.Logger
	EndLog  func() // writes what Log still holds, when everything else has been closed; nil: it holds nothing
	Now     func() time.Time
	Random  io.Reader
	NewID   func() uuid.UUID
	Console io.Writer // what a developer should read: mails, the banner
	// Namespace precedes every key in Redis; empty: the product's own.
	Namespace string
	// Images replaces the providers that draw, by model; nil: as configured.
	Images providers.Registry
	// Text replaces the provider that writes replies; nil: as configured.
	Text providers.Text
}

// SystemEnvironment is the [Environment] of a real process.
func SystemEnvironment(log *slog.Logger, console io.Writer) Environment {
	return Environment{Log: log, Now: time.Now, Random: rand.Reader, NewID: newID, Console: console}
}

// newID is UUID v7, which sorts by time and so keeps indexes compact (RFC 9562, 5.7).
func newID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("no randomness: %v", err)) // crypto/rand does not fail on supported systems
	}
	return id
}

// Open builds an App. It dials nothing that may still be starting, so it fails only for a configuration that can't
// work. The caller closes it.
func Open(ctx context.Context, cfg config.Config, environment Environment) (a *App, err error) {
	a = &App{cfg: cfg, environment: environment, meters: prometheus.NewRegistry()}
	a.metrics = telemetry.NewMetrics(a.meters)
	if environment.EndLog != nil {
		a.closers = append(a.closers, func() error { environment.EndLog(); return nil })
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	for _, step := range []func(context.Context) error{a.openTelemetry, a.openPools, a.openStorage, a.openSender, a.openServices} {
		if err := step(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// Close closes everything, last opened first.
func (a *App) Close() error {
	var errs []error
	for _, closer := range slices.Backward(a.closers) {
		errs = append(errs, closer())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// Credits grants and lists credits, for the command line.
func (a *App) Credits() *credits.Service { return a.credits }

// Auth is what proves who the owner of an account is, for the command line.
func (a *App) Auth() *auth.Service { return a.auth }

// Backlog is what waits and what was given up, for the command line.
func (a *App) Backlog() *backlog.Service { return a.backlog }

// Ledger checks that accounts, jobs and pictures add up, for the command line.
func (a *App) Ledger() *ledger.Checker { return a.ledger }

// Assets keeps pictures; for the commands.
func (a *App) Assets() *assets.Service { return a.assets }

// Objects is the storage of pictures, for the command line.
func (a *App) Objects() storage.Store { return a.objects }

// Store is the database, for tests that read and change rows past the API.
func (a *App) Store() *postgres.Store { return a.store }
