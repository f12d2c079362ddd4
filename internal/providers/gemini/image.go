package gemini

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genai"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/internal/picture"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
)

// Generate implements providers.Image, with one call for each variant: Gemini draws one picture an answer, and each
// variant has a seed of its own.
func (p *Provider) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (providers.ImageResult, error) {
	var none providers.ImageResult
	begun := p.cfg.Now()
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("gemini: %w", err)
	}
	parts, err := p.parts(ctx, req)
	if err != nil {
		return none, err
	}
	size := imageSize(req)
	var paths, requestIDs []string
	sink.Progress(0)
	for variant := 1; variant <= req.Variants; variant++ {
		if err := sink.Begin(ctx, variant); err != nil {
			return none, fmt.Errorf("gemini: begin variant %d: %w", variant, err)
		}
		drawn, requestID, err := p.draw(ctx, req, size, parts, variant)
		if err != nil {
			return none, err
		}
		path, err := sink.Put(ctx, variant, drawn)
		if err != nil {
			return none, fmt.Errorf("gemini: storing variant %d: %w", variant, err)
		}
		paths, requestIDs = append(paths, path), append(requestIDs, requestID)
		sink.Progress(float64(variant) / float64(req.Variants))
	}
	return providers.ImageResult{Images: paths, Meta: providers.Meta{
		ProviderName: Name, Model: req.Model, LatencyMS: p.cfg.Now().Sub(begun).Milliseconds(),
		CostEstimate: float64(req.Variants) * imagePrice(req.Model, size), RequestID: strings.Join(requestIDs, ","),
	}}, nil
}

// text is what the model is told. req.Prompt is brought into its normal form, which changes nothing if it has it already.
func text(req providers.ImageRequest) string {
	req.Prompt = prompts.Normalize(req.Prompt).Prompt
	return prompts.Gemini(req)
}

// parts are the text and the pictures of a request.
func (p *Provider) parts(ctx context.Context, req providers.ImageRequest) ([]*genai.Part, error) {
	parts := []*genai.Part{{Text: text(req)}}
	references := req.References[:min(len(req.References), maxReferences)]
	for i, reference := range references {
		if p.cfg.Redraw != nil {
			redrawn, err := p.cfg.Redraw(ctx, reference)
			if err != nil {
				return nil, fmt.Errorf("gemini: redrawing reference %d: %w", i, err)
			}
			reference = redrawn
		}
		small, err := picture.Shrink(ctx, reference, min(maxOne, maxInline/len(references)))
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("gemini: %w", ctx.Err())
		case err != nil:
			return nil, &providers.Error{
				Provider: Name, Class: providers.Permanent, Reason: "invalid_reference", Cause: fmt.Errorf("reference %d: %w", i, err),
			}
		}
		parts = append(parts, &genai.Part{InlineData: &genai.Blob{Data: small.Data, MIMEType: small.ContentType}})
	}
	return parts, nil
}

// draw makes one picture.
func (p *Provider) draw(
	ctx context.Context, req providers.ImageRequest, size string, parts []*genai.Part, variant int,
) (drawn providers.Picture, requestID string, err error) {
	calling, cancel := context.WithTimeout(ctx, p.cfg.CallTimeout)
	defer cancel()
	var answer *genai.GenerateContentResponse
	err = guarded(func() (err error) {
		answer, err = p.models.GenerateContent(calling, req.Model, []*genai.Content{{Role: genai.RoleUser, Parts: parts}},
			&genai.GenerateContentConfig{
				ResponseModalities: []string{"TEXT", "IMAGE"}, SafetySettings: safety(), Seed: new(seed(req.Seed, variant)),
				ImageConfig: &genai.ImageConfig{AspectRatio: aspectRatio(req.Width, req.Height), ImageSize: size},
			})
		return err
	})
	if err != nil {
		return drawn, "", failure(ctx, err)
	}
	data, err := pictureIn(answer)
	if err != nil {
		return drawn, "", err
	}
	drawn, err = picture.Fit(ctx, data, req.Width, req.Height)
	switch {
	case ctx.Err() != nil:
		return drawn, "", fmt.Errorf("gemini: %w", ctx.Err())
	case errors.Is(err, picture.ErrNotAPicture):
		return drawn, "", refused(providers.Transient, "not_an_image", "what came is not a picture")
	case err != nil:
		return drawn, "", fmt.Errorf("gemini: variant %d: %w", variant, err)
	}
	return drawn, answer.ResponseID, nil
}

// seed is a variant's own, in the 31 bits that the API takes.
func seed(of int64, variant int) int32 { return int32((uint64(of) + uint64(variant)) & 0x7fffffff) }

// pictureIn finds the picture of an answer: the last one that is not a draft which the model only thought of.
func pictureIn(answer *genai.GenerateContentResponse) ([]byte, error) {
	if err := blockedPrompt(answer); err != nil {
		return nil, err
	}
	var data []byte
	reason := "empty"
	for _, candidate := range answer.Candidates {
		if candidate == nil {
			continue
		}
		if err := blockedAnswer(candidate.FinishReason); err != nil {
			return nil, err
		}
		reason = shown(string(candidate.FinishReason))
		if candidate.Content == nil {
			continue
		}
		for _, part := range candidate.Content.Parts {
			if part != nil && !part.Thought && part.InlineData != nil {
				data = part.InlineData.Data
			}
		}
	}
	if len(data) == 0 {
		return nil, refused(providers.Transient, "no_image_"+strings.ToLower(reason), "the answer has no picture")
	}
	return data, nil
}
