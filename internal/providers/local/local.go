// Package local is the image provider that needs no vendor: it composes thumbnails from shapes, embedded fonts and the
// creator's pictures. It serves development, tests and demonstrations; it invents no pictures.
//
// The same request gives the same bytes on the same build. Each variant has its own layout and colours.
package local

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math/rand/v2"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

const name = "local"

// Sizes that are drawn, in pixels a side.
const (
	minSide = 64
	maxSide = 4096
)

// Provider draws thumbnails in this process, on the calling goroutine. It is safe for concurrent use.
type Provider struct {
	now   func() time.Time
	faces *typefaces
}

var _ providers.Image = (*Provider)(nil)

// New returns a provider that measures its latency with now.
func New(now func() time.Time) *Provider {
	return &Provider{now: now, faces: loadTypefaces()}
}

// Generate implements providers.Image. A request that can't be drawn (a size out of range, a reference that can't be
// decoded or has more than 40 megapixels) fails with a Permanent *providers.Error; the end of ctx and the failures of
// sink come back wrapped as they are, since they are not the provider's.
func (p *Provider) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (providers.ImageResult, error) {
	start := p.now()
	var none providers.ImageResult
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("local: %w", err)
	}
	if min(req.Width, req.Height) < minSide || max(req.Width, req.Height) > maxSide || req.Variants < 1 {
		return none, permanent("invalid_request", fmt.Errorf("%d pictures of %dx%d pixels", req.Variants, req.Width, req.Height))
	}
	pics, err := decodeAll(ctx, req.References, max(req.Width, req.Height))
	if err != nil {
		return none, err
	}
	paths := make([]string, 0, req.Variants)
	for v := 1; v <= req.Variants; v++ {
		if err := sink.Begin(ctx, v); err != nil {
			return none, fmt.Errorf("local: begin variant %d: %w", v, err)
		}
		progress := func(done float64) { sink.Progress((float64(v-1) + done) / float64(req.Variants)) }
		picture, err := p.draw(ctx, req, v, pics, progress)
		if err != nil {
			return none, fmt.Errorf("local: drawing variant %d: %w", v, err)
		}
		path, err := sink.Put(ctx, v, picture)
		if err != nil {
			return none, fmt.Errorf("local: storing variant %d: %w", v, err)
		}
		paths = append(paths, path)
		progress(1)
	}
	return providers.ImageResult{Images: paths, Meta: providers.Meta{
		ProviderName: name,
		Model:        req.Model,
		LatencyMS:    p.now().Sub(start).Milliseconds(),
		RequestID:    name + "-" + req.JobID.String(),
	}}, nil
}

// draw renders and encodes one variant. Between two steps, and while encoding, it looks whether ctx has ended.
func (p *Provider) draw(ctx context.Context, req providers.ImageRequest, variant int, pics pictures, progress func(float64)) (providers.Picture, error) {
	s, sc := p.prepare(req, variant, pics)
	steps := []func(scene){s.backdrop, s.lighting, s.subject, s.lettering}
	for i, step := range steps {
		if err := ctx.Err(); err != nil {
			return providers.Picture{}, err
		}
		step(sc)
		progress(float64(i+1) / float64(len(steps)+1))
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(stopping(ctx, out.Write), s.img); err != nil {
		return providers.Picture{}, fmt.Errorf("encoding: %w", err)
	}
	return providers.Picture{ContentType: "image/png", Data: out.Bytes(), Width: req.Width, Height: req.Height}, nil
}

// prepare decides everything that a variant's look depends on.
func (p *Provider) prepare(req providers.ImageRequest, variant int, pics pictures) (*stage, scene) {
	prompt := req.Prompt
	// What the variants share is drawn from the first source, so that they differ by design and not by luck.
	shared := rand.New(rand.NewPCG(uint64(req.Seed), hash(prompt.Vibe)))
	own := rand.New(rand.NewPCG(uint64(req.Seed), hash(prompt.Vibe)+uint64(variant)))

	m := chooseMood(shared, prompt.Vibe, prompt.Details)
	first, mirrored := shared.IntN(int(layouts)), shared.IntN(2) == 1
	turn := shared.IntN(len(m.hues))

	s := newStage(req.Width, req.Height, p.faces, own)
	s.mood = m
	s.plan = newPlan(s.w, s.h, layout((first+variant-1)%int(layouts)), mirrored, m.tilt)
	s.pal = newPalette(own, m, prompt.Vibe, turn+variant-1, pics.style)
	sc := scene{
		headline: prompt.Headline,
		subtext:  prompt.Subtext,
		icon:     pickIcon(m.icon, prompt.Headline+" "+prompt.Subtext+" "+prompt.Details+" "+prompt.Vibe),
		pics:     pics,
		texture:  m.textures[(turn+variant-1)%len(m.textures)],
	}
	return s, sc
}

func permanent(reason string, cause error) error {
	return &providers.Error{Provider: name, Class: providers.Permanent, Reason: reason, Cause: cause}
}
