package breaker

import (
	"context"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Image puts the model's breaker around an adapter that draws. Its calls fail with a Throttled [*providers.Error] while the
// breaker is open.
func (g *Set) Image(model, provider string, next providers.Image) providers.Image {
	return image{breaker: g.breakers[model], provider: provider, next: next}
}

// Text does the same for an adapter that writes.
func (g *Set) Text(model, provider string, next providers.Text) providers.Text {
	return text{breaker: g.breakers[model], provider: provider, next: next}
}

// Moderator does the same for an adapter that moderates pictures.
func (g *Set) Moderator(model, provider string, next providers.Moderator) providers.Moderator {
	return moderator{breaker: g.breakers[model], provider: provider, next: next}
}

type image struct {
	breaker  *breaker
	provider string
	next     providers.Image
}

// Generate implements providers.Image.
func (i image) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (result providers.ImageResult, err error) {
	err = i.breaker.do(ctx, i.provider, func() (err error) {
		result, err = i.next.Generate(ctx, req, sink)
		return err
	})
	return result, err
}

type text struct {
	breaker  *breaker
	provider string
	next     providers.Text
}

// Reply implements providers.Text.
func (t text) Reply(ctx context.Context, req providers.TextRequest, emit func(piece string) error) (meta providers.Meta, err error) {
	err = t.breaker.do(ctx, t.provider, func() (err error) {
		meta, err = t.next.Reply(ctx, req, emit)
		return err
	})
	return meta, err
}

type moderator struct {
	breaker  *breaker
	provider string
	next     providers.Moderator
}

// Name implements providers.Moderator.
func (j moderator) Name() string { return j.next.Name() }

// Moderate implements providers.Moderator.
func (j moderator) Moderate(ctx context.Context, picture providers.Picture) (finding providers.Finding, err error) {
	err = j.breaker.do(ctx, j.provider, func() (err error) {
		finding, err = j.next.Moderate(ctx, picture)
		return err
	})
	return finding, err
}
