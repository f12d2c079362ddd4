package app

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/handler"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/local"
)

func (a *App) openChats() error {
	cfg, o := a.cfg, a.environment
	check, err := handler.NewDraftCheck(a.projects)
	if err != nil {
		return fmt.Errorf("check of suggestions: %w", err)
	}
	a.chats = chat.NewService(chat.Deps{
		Store: a.store, Events: a.hub, Enqueue: a.pushTo(queue.Reply), UserReplies: cfg.UserReplies,
		SpendReply: a.spendReply, Now: o.Now, NewID: o.NewID, Log: o.Log,
	})
	text, model := a.chooseReplyText()
	a.replier = chat.NewReplier(chat.ReplierDeps{
		Store: a.store, Text: text, Model: model, Catalog: a.catalog, Check: check, Events: a.hub, Log: o.Log,
		Lease: cfg.JobLease,
	})
	return nil
}

// spendReply implements [chat.SpendReply]. Each plan has a counter of its own, so that a larger plan counts at once.
func (a *App) spendReply(ctx context.Context, userID uuid.UUID, plan string) error {
	const day = 24 * time.Hour
	allowed := catalog.LimitsOf(plan).RepliesPerDay
	result, err := a.counters.Allow(ctx, ratelimit.Limit{
		Class: "reply_day:" + plan, Subject: ratelimit.Account(userID.String()), Requests: scaled(int(allowed), day, a.cfg.RateLimitFactor),
		Period: day,
	})
	switch {
	case err != nil:
		return fmt.Errorf("count reply: %w", err)
	case !result.Allowed:
		return chat.ErrNoRepliesLeft.WithRetryAfter(result.RetryAfter).WithDetail("limit", "replies_per_day").WithDetail("maximum", allowed)
	}
	return nil
}

// chooseReplyText returns the provider that writes replies, and the provider's name of the model. In development the
// built-in provider does; production never falls back to it: without a vendor it returns nil and every reply fails, with
// a message that its reader understands.
func (a *App) chooseReplyText() (provider providers.Text, model string) {
	switch {
	case a.environment.Text != nil:
		return a.environment.Text, "outside"
	case a.replyText.provider != nil:
		return a.replyText.provider, a.replyText.model
	case a.cfg.InProduction():
		return nil, ""
	}
	return local.NewWriter(a.localOffer(), a.environment.Now, pause), "local"
}

// localOffer is what the built-in writer knows of the catalog.
func (a *App) localOffer() local.Offer {
	var offer local.Offer
	for _, p := range catalog.Platforms() {
		offer.Platforms = append(offer.Platforms, local.Platform(p))
	}
	for _, m := range a.catalog.Models() {
		if a.catalog.Available(m.ID) {
			offer.Models = append(offer.Models, local.Model{
				ID: m.ID, Name: m.Name, Draft: m.Price(catalog.Draft), Std: m.Price(catalog.Std), FourK: m.Price(catalog.FourK),
			})
		}
	}
	offer.CopySurcharge = catalog.CopySurcharge
	return offer
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
