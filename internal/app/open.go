package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/safety"
)

// showStageAfter is below the 0.1 s that people take for an immediate answer
// (https://www.nngroup.com/articles/response-times-3-important-limits).
const showStageAfter = 50 * time.Millisecond

// storagePath is where the development storage answers, on the API's own address.
const storagePath = "/storage/"

func (a *App) openPools(ctx context.Context) (err error) {
	cfg, o := a.cfg, a.environment
	previous := make([]string, len(cfg.JWTSecretPrevious))
	for i, secret := range cfg.JWTSecretPrevious {
		previous[i] = secret.Reveal()
	}
	if a.ring, err = token.NewKeyring(cfg.JWTSecret.Reveal(), previous...); err != nil {
		return fmt.Errorf("JWT_SECRET: %w", err)
	}
	a.store, err = postgres.Open(ctx, cfg.DatabaseURL.Reveal(), postgres.Options{
		MaxConns: cfg.DatabaseMaxConns, StatementTimeout: cfg.DatabaseTimeout, Tracer: a.tracing.Queries(),
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { a.store.Close(); return nil })
	telemetry.RegisterPool(a.meters, a.store.Pool())
	namespace := o.Namespace
	if namespace == "" {
		namespace = queue.DefaultNamespace
	}
	if a.queue, err = queue.Open(queue.Config{RedisURL: cfg.RedisURL.Reveal(), Namespace: namespace}, o.Log); err != nil {
		return err
	}
	a.closers = append(a.closers, a.queue.Close)
	if a.hub, err = events.Open(events.Config{RedisURL: cfg.RedisURL.Reveal(), Namespace: namespace}, o.Log); err != nil {
		return err
	}
	a.closers = append(a.closers, a.hub.Close)
	a.counters, err = ratelimit.Open(ratelimit.Config{
		URL: cfg.RedisURL.Reveal(), Namespace: namespace + ":limit", Key: a.ring.Derive(token.RateLimitKeys)[0],
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.counters.Close)
	return nil
}

// openStorage chooses Supabase where it is configured, else the disk. Production requires Supabase's settings.
func (a *App) openStorage(context.Context) error {
	if a.cfg.SupabaseURL != "" {
		client, err := supabase.New(supabase.Config{
			URL: a.cfg.SupabaseURL, Key: a.cfg.SupabaseKey.Reveal(), Now: a.environment.Now, Log: a.environment.Log,
		})
		if err != nil {
			return fmt.Errorf("open Supabase storage: %w", err)
		}
		a.objects = client
		a.closers = append(a.closers, func() error { client.Close(); return nil })
		return nil
	}
	disk, err := filesystem.New(filesystem.Config{
		Root: filepath.Join(a.cfg.DevDir, "storage"), BaseURL: a.cfg.PublicAPIURL + storagePath,
		Key: a.ring.Derive(token.StorageURLs)[0], Now: a.environment.Now, AllowedOrigins: a.cfg.AllowedOrigins,
		Log: a.environment.Log,
	})
	if err != nil {
		return fmt.Errorf("open storage on disk: %w", err)
	}
	a.objects = disk
	a.closers = append(a.closers, disk.Close)
	return nil
}

// openSender chooses SMTP where it is configured, else files in development. In production a process that only serves the API
// has no sender, and every other one has SMTP's settings.
func (a *App) openSender(context.Context) (err error) {
	if a.cfg.SMTPURL != "" {
		a.sender, err = mail.NewSMTP(mail.SMTPConfig{
			URL: a.cfg.SMTPURL.Reveal(), From: a.cfg.MailFrom, RequireTLS: a.cfg.InProduction(),
		}, a.environment.Now)
		return err
	}
	if a.cfg.InProduction() {
		return nil
	}
	dir := filepath.Join(a.cfg.DevDir, "mail")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a developer reads these files
		return fmt.Errorf("make mail folder: %w", err)
	}
	a.sender, err = mail.NewSink(dir, a.cfg.MailFrom, a.environment.Console, a.environment.Now)
	return err
}

func (a *App) openServices(context.Context) error {
	cfg, o := a.cfg, a.environment
	checker, err := inspect.New(inspect.Config{
		Memory: cfg.ImageMemoryMiB << 20, Parallel: cfg.ImageChecks, MaxWait: cfg.ImageMaxWait,
		Face: inspect.FaceConfig{MinScore: cfg.FaceMinScore, MinSize: cfg.FaceMinSize, MinSharpness: cfg.FaceMinSharpness},
	})
	if err != nil {
		return err
	}
	if err := a.openProviders(checker); err != nil {
		return err
	}
	a.openCatalog()
	a.assets = assets.New(assets.Deps{
		Store: a.store, Objects: a.objects, Checker: checker, Now: o.Now, NewID: o.NewID, Log: o.Log,
		Parallel: cfg.ImageChecks, MaxWait: cfg.ImageMaxWait, OrphanAge: cfg.StorageOrphanAge,
		SweepGrace: cfg.StorageSweepGrace, OnRefusedSweep: a.observeRefusedSweep,
	})
	a.credits = credits.NewService(a.store, o.NewID)
	a.projects = projects.NewService(a.store, a.assets.ByIDs, o.Now, o.NewID)
	a.safety = safety.New(safety.Deps{Store: a.store, Moderator: a.moderator, Now: o.Now, NewID: o.NewID})
	limits := a.jobLimits()
	a.jobs = jobs.NewService(jobs.Deps{
		Store: a.store, Catalog: a.catalog, Safety: a.safety, Events: a.hub, Enqueue: a.pushTo(queue.Generate), Limits: limits,
		OnBalanceChange: a.metrics.Credits, Now: o.Now, NewID: o.NewID, Log: o.Log,
	})
	a.renderer = jobs.NewRenderer(jobs.RendererDeps{
		Store: a.store, Models: a.registry.Image, Assets: a.assets, Objects: a.objects, Safety: a.safety, Events: a.hub, NewID: o.NewID,
		Log: o.Log, Enqueue: a.pushTo(queue.Generate), Limits: limits, Lease: cfg.JobLease, ShowAfter: showStageAfter,
		OnBalanceChange: a.metrics.Credits,
	})
	a.ledger = ledger.New(a.store, a.objects)
	a.backlog = backlog.NewService(a.store, a.jobs, a.pushTo(queue.Mail))
	if err := a.openChats(); err != nil {
		return err
	}
	return a.openAuth()
}

func (a *App) openAuth() error {
	cfg, o := a.cfg, a.environment
	passwords, err := password.New(password.Params{
		Memory: cfg.Argon2MemoryKiB, Iterations: cfg.Argon2Iterations, Parallelism: cfg.Argon2Parallelism,
	}, 0)
	if err != nil {
		return err
	}
	issuer, err := token.NewIssuer(a.ring, token.IssuerConfig{
		Issuer: "mugshot", Audience: "mugshot-api", TTL: cfg.SessionTokenTTL, Leeway: token.DefaultLeeway,
	}, o.Now, o.Random)
	if err != nil {
		return err
	}
	lockout, err := ratelimit.NewLockout(a.counters,
		ratelimit.DefaultLockout("signin", cfg.AuthMaxFailures, cfg.AuthAddressMaxFailures, cfg.AuthFailureWindow), o.Random)
	if err != nil {
		return err
	}
	templates, err := mail.NewTemplates(cfg.ProjectName, cfg.PublicAppURL)
	if err != nil {
		return err
	}
	vault, err := auth.NewVault(a.ring, o.Random)
	if err != nil {
		return err
	}
	codes := token.NewCodeHasher(a.ring)
	a.csrf = token.NewCSRFTokens(a.ring, o.Random)
	a.auth = auth.NewService(auth.Config{
		SessionIdle: cfg.SessionIdleTTL, SessionLifetime: cfg.SessionMaxTTL, SignupBonus: cfg.SignupBonusCredits,
		Product: cfg.ProjectName, UnconfirmedLifetime: cfg.UnconfirmedTTL,
	}, auth.Deps{
		Store: a.store, Passwords: passwords, AccessTokens: issuer, RefreshTokens: token.NewRefresher(a.ring, o.Random),
		Codes: codes, Vault: vault, Lockout: lockout, Push: a.pushTo(queue.Mail), ClaimPhoto: a.assets.ClaimSignupPhoto,
		Remove: account.RemoveUnconfirmed, OnBalanceChange: a.metrics.Credits, OnSessionsEnd: a.announceSessionsEnd,
		BonusClaims: credits.NewBonusClaims(a.ring.Derive(token.BonusClaims)), Now: o.Now, NewID: o.NewID, Random: o.Random, Log: o.Log,
	})
	a.account = account.New(account.Deps{
		Store: a.store, Auth: a.auth, Objects: a.objects, OnSessionsEnd: a.announceSessionsEnd, Now: o.Now, NewID: o.NewID, Log: o.Log,
	})
	a.mailer = outbox.NewMailer(outbox.Deps{
		Store: a.store, Sender: a.sender, Random: o.Random, Composer: auth.NewComposer(auth.ComposerDeps{
			Store: a.store, Templates: templates, Codes: codes, Now: o.Now, Random: o.Random, NewID: o.NewID,
		}),
	})
	return nil
}

// available tells whether a provider draws for a model, and its breaker is closed.
func (a *App) available(modelID string) bool {
	return a.registry.Available(modelID) && !a.breakerOpen(modelID)
}

func (a *App) pushTo(kind queue.Kind) func(ctx context.Context, id uuid.UUID) error {
	return func(ctx context.Context, id uuid.UUID) error {
		return tracecontext.InSpan(ctx, "push "+string(kind), trace.SpanKindProducer, func(ctx context.Context) error {
			return a.queue.Push(ctx, kind, id)
		})
	}
}
