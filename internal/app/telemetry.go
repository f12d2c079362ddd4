package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

// flushTimeout bounds the sending of the last traces and reports when a process ends.
const flushTimeout = 5 * time.Second

// openTelemetry comes first, so that it is closed last and sees everything. It makes every log record carry its trace
// context, and hands errors to Sentry where that is configured.
func (a *App) openTelemetry(ctx context.Context) error {
	cfg := a.cfg
	handler := a.environment.Log.Handler()
	if cfg.SentryDSN != "" {
		reports, err := telemetry.OpenReports(cfg.SentryDSN.Reveal(), cfg.Env)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, func() error { reports.Close(flushTimeout); return nil })
		handler = reports.Handler(handler)
	}
	a.environment.Log = slog.New(telemetry.NewTraceContextHandler(handler))
	if cfg.OTLPEndpoint == "" {
		return nil
	}
	headers, err := cfg.OTLPHeaderMap()
	if err != nil {
		return err
	}
	a.tracing, err = telemetry.OpenTracing(ctx, telemetry.TracingConfig{
		Endpoint: cfg.OTLPEndpoint, Headers: headers, Service: cfg.OTelService, Environment: cfg.Env, Share: cfg.OTelShare,
	}, a.environment.Log)
	if err != nil {
		return fmt.Errorf("open tracing: %w", err)
	}
	a.closers = append(a.closers, func() error {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		a.tracing.Close(ending)
		return nil
	})
	return nil
}
