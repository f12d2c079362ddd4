package gemini

import (
	"context"
	"fmt"

	"google.golang.org/genai"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Reply implements providers.Text. A reply that grew to its limit counts as whole; one whose stream ended before Gemini
// said so does not.
func (p *Provider) Reply(ctx context.Context, req providers.TextRequest, emit func(piece string) error) (providers.Meta, error) {
	var none providers.Meta
	begun := p.cfg.Now()
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("gemini: %w", err)
	}
	calling, cancel := context.WithTimeout(ctx, p.cfg.CallTimeout)
	defer cancel()
	reply := reply{emit: emit}
	err := guarded(func() error {
		for chunk, err := range p.models.GenerateContentStream(calling, req.Model, turns(req.Turns), textConfig(req)) {
			if err != nil {
				return err
			}
			if reply.stopped = reply.take(chunk); reply.stopped != nil {
				return nil
			}
		}
		return nil
	})
	switch {
	case reply.stopped != nil:
		return none, reply.stopped
	case err != nil:
		return none, failure(ctx, err)
	case ctx.Err() != nil:
		return none, fmt.Errorf("gemini: %w", ctx.Err())
	case reply.finish == "":
		return none, refused(providers.Transient, "incomplete", "the stream ended within the reply")
	case !reply.spoke:
		return none, refused(providers.Transient, "no_text", "the reply is empty")
	}
	return providers.Meta{
		ProviderName: Name, Model: req.Model, LatencyMS: p.cfg.Now().Sub(begun).Milliseconds(),
		CostEstimate: textPrice(reply.tokensIn, reply.tokensOut), RequestID: reply.requestID,
	}, nil
}

func textConfig(req providers.TextRequest) *genai.GenerateContentConfig {
	config := &genai.GenerateContentConfig{MaxOutputTokens: int32(req.MaxTokens), SafetySettings: safety()}
	if req.System != "" {
		config.SystemInstruction = &genai.Content{Parts: []*genai.Part{{Text: req.System}}}
	}
	return config
}

func turns(said []providers.Turn) []*genai.Content {
	var contents []*genai.Content
	for _, turn := range said {
		role := genai.RoleModel
		if turn.FromCreator {
			role = genai.RoleUser
		}
		contents = append(contents, &genai.Content{Role: role, Parts: []*genai.Part{{Text: turn.Text}}})
	}
	return contents
}

// reply gathers what a stream tells.
type reply struct {
	emit      func(piece string) error
	stopped   error // by us: emit failed, or safety stepped in
	finish    genai.FinishReason
	spoke     bool
	requestID string

	tokensIn, tokensOut int32
}

// take passes a chunk on.
func (r *reply) take(chunk *genai.GenerateContentResponse) error {
	if err := blockedPrompt(chunk); err != nil {
		return err
	}
	r.requestID = chunk.ResponseID
	if u := chunk.UsageMetadata; u != nil {
		r.tokensIn, r.tokensOut = u.PromptTokenCount, u.CandidatesTokenCount+u.ThoughtsTokenCount
	}
	for _, candidate := range chunk.Candidates[:min(1, len(chunk.Candidates))] {
		if candidate == nil {
			continue
		}
		if candidate.Content != nil {
			if err := r.speak(candidate.Content.Parts); err != nil {
				return err
			}
		}
		if err := blockedAnswer(candidate.FinishReason); err != nil {
			return err
		}
		if candidate.FinishReason != "" && candidate.FinishReason != genai.FinishReasonUnspecified {
			r.finish = candidate.FinishReason
		}
	}
	return nil
}

func (r *reply) speak(parts []*genai.Part) error {
	for _, part := range parts {
		if part == nil || part.Thought || part.Text == "" {
			continue
		}
		if err := r.emit(part.Text); err != nil {
			return fmt.Errorf("gemini: passing the reply on: %w", err)
		}
		r.spoke = true
	}
	return nil
}
