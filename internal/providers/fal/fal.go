// Package fal draws with the models that fal.ai hosts, over its queue API: a request is submitted, followed until it is
// done, and its pictures are fetched from fal's own hosts. What fal allows and asks for stands in docs/providers.md.
package fal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/internal/download"
	"github.com/mugshot-studio/backend/internal/providers/internal/picture"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Name is the provider's name, as it stands in jobs and metrics.
const Name = "fal"

// DefaultBaseURL is fal's queue.
const DefaultBaseURL = "https://queue.fal.run"

// DefaultModel is the endpoint that draws where nothing else is configured.
const DefaultModel = "fal-ai/flux/dev"

const (
	// callTimeout bounds one picture, from its submission until it is here. Drawing takes seconds, waiting in fal's queue
	// may take minutes.
	callTimeout = 5 * time.Minute
	// maxAnswer bounds an answer of the queue, in bytes; pictures come from elsewhere.
	maxAnswer = 1 << 20
)

// Config says how to reach fal. The endpoint that draws is the request's model.
type Config struct {
	BaseURL string // of the queue; empty: DefaultBaseURL
	Key     string
	// Client sends the requests to the queue; nil: one of transport.NewClient. It must not follow redirects, nor repeat a
	// request that may have been sent.
	Client *http.Client
	Now    func() time.Time
	// Redraw is done to every reference before it is sent; nil: they go as they are.
	Redraw providers.Redraw
	// CallTimeout bounds one picture, with its time in fal's queue; 0: five minutes.
	CallTimeout time.Duration
	// EditEndpoint draws requests that have references, such as fal-ai/bytedance/seedream/v4.5/edit; empty: they are
	// refused, since FLUX takes none.
	EditEndpoint string
	// ResultHosts are where pictures may come from; nil: fal.media and what is below it.
	ResultHosts []string
	// AllowLoopback lets pictures come over http from this machine where BaseURL is on it, too. Never set in production.
	AllowLoopback bool
	// Wait waits between two looks at a request, or until ctx ends; nil: by the clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Provider draws one picture a request, one after the other. It is safe for concurrent use.
type Provider struct {
	cfg     Config
	base    origin
	results *download.Client
}

var _ providers.Image = (*Provider)(nil)

// New returns a provider. It dials nothing.
func New(cfg Config) (*Provider, error) {
	if cfg.Key == "" || cfg.Now == nil {
		return nil, errors.New("fal: a key and a clock are needed")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	base, err := originOf(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("fal: base URL: %w", err)
	}
	if cfg.EditEndpoint != "" && !endpoints.MatchString(cfg.EditEndpoint) {
		return nil, errors.New("fal: the endpoint for references is not one")
	}
	if cfg.Client == nil {
		cfg.Client = transport.NewClient(maxAnswer)
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = callTimeout
	}
	if cfg.ResultHosts == nil {
		cfg.ResultHosts = []string{"fal.media"}
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Provider{cfg: cfg, base: base, results: download.New(download.Config{
		Provider: Name, Hosts: cfg.ResultHosts, BaseURL: cfg.BaseURL, AllowLoopback: cfg.AllowLoopback,
	})}, nil
}

// Close closes idle connections.
func (p *Provider) Close() {
	p.cfg.Client.CloseIdleConnections()
	p.results.Close()
}

// Generate implements providers.Image, with a request for each variant: so each has a seed of its own, is stored as soon
// as it is there, and what fails costs no picture but its own.
func (p *Provider) Generate(ctx context.Context, req providers.ImageRequest, sink providers.Sink) (providers.ImageResult, error) {
	var none providers.ImageResult
	begun := p.cfg.Now()
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("fal: %w", err)
	}
	request, err := p.newRequest(ctx, req)
	if err != nil {
		return none, err
	}
	var paths, requestIDs []string
	sink.Progress(0)
	for variant := 1; variant <= req.Variants; variant++ {
		if err := sink.Begin(ctx, variant); err != nil {
			return none, fmt.Errorf("fal: begin variant %d: %w", variant, err)
		}
		request.input.Seed = seed(req.Seed, variant)
		drawn, requestID, err := p.draw(ctx, request)
		if err != nil {
			return none, err
		}
		fitted, err := picture.Fit(ctx, drawn, req.Width, req.Height)
		switch {
		case ctx.Err() != nil:
			return none, fmt.Errorf("fal: %w", ctx.Err())
		case errors.Is(err, picture.ErrNotAPicture):
			return none, fail(providers.Transient, "not_an_image", err)
		case err != nil:
			return none, fmt.Errorf("fal: fit variant %d: %w", variant, err)
		}
		path, err := sink.Put(ctx, variant, fitted)
		if err != nil {
			return none, fmt.Errorf("fal: store variant %d: %w", variant, err)
		}
		paths, requestIDs = append(paths, path), append(requestIDs, requestID)
		sink.Progress(float64(variant) / float64(req.Variants))
	}
	return providers.ImageResult{Images: paths, Meta: providers.Meta{
		ProviderName: Name, Model: req.Model, LatencyMS: p.cfg.Now().Sub(begun).Milliseconds(),
		CostEstimate: float64(req.Variants) * request.price(), RequestID: strings.Join(requestIDs, ","),
	}}, nil
}

// draw makes one picture. A request that is not followed to its end is cancelled, so that no picture is paid for that is not
// fetched.
func (p *Provider) draw(parent context.Context, request request) (drawn []byte, requestID string, err error) {
	ctx, cancel := context.WithTimeout(parent, p.cfg.CallTimeout)
	defer cancel()
	accepted, err := p.submit(ctx, request)
	if err != nil {
		return nil, "", p.outcome(parent, ctx, err)
	}
	if err := p.follow(ctx, accepted); err != nil {
		p.callOff(ctx, accepted)
		return nil, "", p.outcome(parent, ctx, err)
	}
	url, err := p.result(ctx, accepted)
	if err != nil {
		return nil, "", p.outcome(parent, ctx, err)
	}
	drawn, _, err = p.results.Get(ctx, url)
	return drawn, accepted.RequestID, p.outcome(parent, ctx, err)
}

// outcome tells the end of a call's own time, which is fal's failure, from the end of the caller's context.
func (p *Provider) outcome(parent, ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return fmt.Errorf("fal: %w", parent.Err())
	}
	if _, ok := errors.AsType[*providers.Error](err); !ok && ctx.Err() != nil {
		return fail(providers.Transient, "timeout", errors.New("no picture in time"))
	}
	return err
}

func fail(class providers.Class, reason string, cause error) error {
	return &providers.Error{Provider: Name, Class: class, Reason: reason, Cause: cause}
}

// broken is a permanent failure that no other words or pictures would prevent.
func broken(reason string, cause error) error {
	return &providers.Error{Provider: Name, Class: providers.Permanent, Reason: reason, Cause: cause, Ours: true}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
