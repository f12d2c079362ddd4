package app

import (
	"context"
	"net/http"

	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/handler"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// Edge is the public handler, for Run and for tests that need no listener.
func (a *App) Edge() (*edge.Edge, error) {
	cfg := a.cfg
	mount := map[string]http.Handler{}
	if handler, ok := a.objects.(http.Handler); ok { // the development storage answers for itself
		mount[storagePath] = handler
	}
	public, err := edge.New(edge.Config{
		BasePath: cfg.BasePath, Log: a.environment.Log, Now: a.environment.Now, NewID: a.environment.NewID,
		Authenticate: func(ctx context.Context, token string) (edge.Principal, error) {
			principal, err := a.auth.Authenticate(ctx, token)
			return edge.Principal(principal), err
		},
		DeadCookies:  func() []*http.Cookie { return handler.DeadCookies(cfg.BasePath, cfg.CSRFCookieDomain) },
		SessionAlive: func(ctx context.Context, p edge.Principal) (bool, error) { return a.auth.Alive(ctx, auth.Principal(p)) },
		Limiter: limiter{
			counters: a.counters, local: ratelimit.NewLocal(a.environment.Now), factor: cfg.RateLimitFactor, budgets: budgets(),
		},
		Ready: a.checks(), MaxStreams: maxStreams(), UserStreams: cfg.UserStreams,
		TrustedProxies: cfg.TrustedProxies, AllowedOrigins: cfg.AllowedOrigins, Mount: mount, HSTS: cfg.InProduction(),
		Observe: a.observeRequest, Trace: a.tracing.Requests(),
	}, handler.New(handler.Services{
		Auth: a.auth, Account: a.account, Assets: a.assets, Credits: a.credits, Projects: a.projects, Jobs: a.jobs,
		Chats: a.chats, Catalog: a.catalog, CSRF: a.csrf, BasePath: cfg.BasePath, AppURL: cfg.PublicAppURL,
		CSRFDomain: cfg.CSRFCookieDomain, CursorKeys: a.ring.Derive(token.Cursors),
	}))
	if err != nil {
		return nil, err
	}
	a.watchSessions(public)
	return public, nil
}
