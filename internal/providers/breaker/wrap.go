package breaker

import (
	"context"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Image guards who draws for a model. Its calls fail with a Held *providers.Error while the model rests.
func (g *Guard) Image(model, provider string, next providers.Image) providers.Image {
	return guardedImage{breaker: g.breakers[model], provider: provider, next: next}
}

// Text guards who writes for a model, likewise.
func (g *Guard) Text(model, provider string, next providers.Text) providers.Text {
	return guardedText{breaker: g.breakers[model], provider: provider, next: next}
}

// Judge guards who judges pictures with a model, likewise.
func (g *Guard) Judge(model, provider string, next providers.Judge) providers.Judge {
	return guardedJudge{breaker: g.breakers[model], provider: provider, next: next}
}

type guardedImage struct {
	breaker  *breaker
	provider string
	next     providers.Image
}

// Generate implements providers.Image.
func (i guardedImage) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (result providers.ImageResult, err error) {
	err = i.breaker.do(ctx, i.provider, func() (err error) {
		result, err = i.next.Generate(ctx, req, sink)
		return err
	})
	return result, err
}

type guardedText struct {
	breaker  *breaker
	provider string
	next     providers.Text
}

// Reply implements providers.Text.
func (t guardedText) Reply(ctx context.Context, req providers.TextRequest, emit func(piece string) error) (meta providers.Meta, err error) {
	err = t.breaker.do(ctx, t.provider, func() (err error) {
		meta, err = t.next.Reply(ctx, req, emit)
		return err
	})
	return meta, err
}

type guardedJudge struct {
	breaker  *breaker
	provider string
	next     providers.Judge
}

// Name implements providers.Judge.
func (j guardedJudge) Name() string { return j.next.Name() }

// Judge implements providers.Judge.
func (j guardedJudge) Judge(ctx context.Context, picture providers.Picture) (finding providers.Finding, err error) {
	err = j.breaker.do(ctx, j.provider, func() (err error) {
		finding, err = j.next.Judge(ctx, picture)
		return err
	})
	return finding, err
}
