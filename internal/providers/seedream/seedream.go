// Package seedream draws with ByteDance's Seedream models over the Ark API (BytePlus ModelArk, or Volcengine Ark). What
// the vendor allows and asks for stands in docs/providers.md.
package seedream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/internal/picture"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Name is the provider's name, as it stands in jobs and metrics.
const Name = "seedream"

// DefaultBaseURL is BytePlus in the region that its own library takes. Keys and models are bound to a region.
const DefaultBaseURL = "https://ark.ap-southeast.bytepluses.com/api/v3"

// callTimeout bounds one call where the configuration says nothing. A picture takes a few seconds to a minute; what takes
// longer will not come any more.
const callTimeout = 150 * time.Second

// Config says how to reach the vendor.
type Config struct {
	BaseURL string // empty: DefaultBaseURL
	Key     string
	// Client sends the requests; nil: one of transport.NewClient. It must not follow redirects, nor repeat a request.
	Client *http.Client
	Now    func() time.Time
	// Redraw is done to every reference before it is sent; nil: they go as they are.
	Redraw providers.Redraw
	// CallTimeout bounds one call; 0: two and a half minutes.
	CallTimeout time.Duration
	// PricePerImage is in US dollars, for cost estimates; 0: by the model, or unknown.
	PricePerImage float64
}

// Provider draws one picture a request, one after the other. It is safe for concurrent use.
type Provider struct{ cfg Config }

var _ providers.Image = (*Provider)(nil)

// New returns a provider. It dials nothing.
func New(cfg Config) (*Provider, error) {
	if cfg.Key == "" || cfg.Now == nil {
		return nil, errors.New("seedream: a key and a clock are needed")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Client == nil {
		cfg.Client = transport.NewClient(transport.MaxAnswer)
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = callTimeout
	}
	return &Provider{cfg: cfg}, nil
}

// Close closes idle connections.
func (p *Provider) Close() { p.cfg.Client.CloseIdleConnections() }

// Generate implements providers.Image. The variants are asked for one by one: the vendor has no number of pictures that
// is kept, a request that fails costs no picture but its own, and each picture is stored as soon as it is there. No
// request is repeated here.
func (p *Provider) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (providers.ImageResult, error) {
	var none providers.ImageResult
	start := p.cfg.Now()
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("%s: %w", Name, err)
	}
	body, err := p.newRequest(ctx, req)
	if err != nil {
		return none, err
	}
	sink.Progress(0)
	meta := providers.Meta{ProviderName: Name, Model: req.Model}
	var paths, requestIDs []string
	for variant := 1; variant <= req.Variants; variant++ {
		if err := sink.Begin(ctx, variant); err != nil {
			return none, fmt.Errorf("%s: begin variant %d: %w", Name, variant, err)
		}
		drawn, requestID, err := p.ask(ctx, body)
		if err != nil {
			return none, err
		}
		fitted, err := picture.Fit(ctx, drawn, req.Width, req.Height)
		if errors.Is(err, picture.ErrNotAPicture) {
			return none, fail(providers.Transient, "not_an_image", err)
		}
		if err != nil {
			return none, fmt.Errorf("%s: fit variant %d: %w", Name, variant, err)
		}
		path, err := sink.Put(ctx, variant, fitted)
		if err != nil {
			return none, fmt.Errorf("%s: store variant %d: %w", Name, variant, err)
		}
		paths = append(paths, path)
		if requestID != "" {
			requestIDs = append(requestIDs, requestID)
		}
		sink.Progress(float64(variant) / float64(req.Variants))
	}
	meta.RequestID = strings.Join(requestIDs, ",")
	meta.LatencyMS = p.cfg.Now().Sub(start).Milliseconds()
	meta.CostEstimate = float64(req.Variants) * p.price(req.Model)
	return providers.ImageResult{Images: paths, Meta: meta}, nil
}

// price is what one picture costs, in US dollars; 0: not known. The numbers and their sources stand in docs/providers.md.
func (p *Provider) price(model string) float64 {
	if p.cfg.PricePerImage > 0 {
		return p.cfg.PricePerImage
	}
	return limitsOf(model).price
}

// newRequest checks a job against what the model takes, before anything is sent. The prompt is brought into its normal
// form, which changes nothing if it has it already.
func (p *Provider) newRequest(ctx context.Context, req providers.ImageRequest) (*request, error) {
	limits := limitsOf(req.Model)
	width, height, err := limits.size(req.Width, req.Height)
	if err != nil {
		return nil, err
	}
	if len(req.References) > limits.references {
		return nil, fail(providers.Permanent, "too_many_references", fmt.Errorf("%d, of %d at most", len(req.References), limits.references))
	}
	req.Prompt = prompts.Normalize(req.Prompt).Prompt
	body := &request{
		Model: req.Model, Prompt: prompts.Seedream(req), Size: fmt.Sprintf("%dx%d", width, height), ResponseFormat: "b64_json",
	}
	if limits.sequential {
		body.Sequential = "disabled"
	}
	for i, reference := range req.References {
		if p.cfg.Redraw != nil {
			if reference, err = p.cfg.Redraw(ctx, reference); err != nil {
				return nil, fmt.Errorf("seedream: prepare reference %d: %w", i+1, err)
			}
		}
		encoded, err := dataURL(reference.Data)
		if err != nil {
			return nil, fail(providers.Permanent, "invalid_reference", fmt.Errorf("reference %d: %w", i+1, err))
		}
		body.Image = append(body.Image, encoded)
	}
	return body, nil
}

func fail(class providers.Class, reason string, cause error) error {
	return &providers.Error{Provider: Name, Class: class, Reason: reason, Cause: cause}
}
