// Package gemini draws thumbnails and writes replies with Google's Gemini API, through Google's own client library.
// docs/providers.md has the limits and prices that the numbers here come from.
//
// The library's errors quote requests and answers, so none of them leaves this package: what goes out is a code of
// Google's or the kind of fault. Its retries are off, since the worker owns them.
package gemini

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/genai"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Name is the provider's name, as it stands in jobs and metrics.
const Name = "gemini"

// DefaultBaseURL is where Google answers.
const DefaultBaseURL = "https://generativelanguage.googleapis.com"

// callTimeout bounds one call where the configuration says nothing. A 4K picture of the pro model takes up to a minute;
// what takes longer will not come any more.
const callTimeout = 150 * time.Second

// Config says how to reach Gemini.
type Config struct {
	BaseURL string // empty: DefaultBaseURL
	Key     string
	// Client sends the requests; nil: one with limits of its own.
	Client *http.Client
	Now    func() time.Time
	// Redraw is done to every reference before it is sent; nil: they go as they are.
	Redraw providers.Redraw
	// CallTimeout bounds one call; 0: two and a half minutes.
	CallTimeout time.Duration
}

// Provider is both a providers.Image and a providers.Text. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	models *genai.Models
}

var (
	_ providers.Image = (*Provider)(nil)
	_ providers.Text  = (*Provider)(nil)
)

// New returns a provider. It dials nothing.
func New(cfg Config) (*Provider, error) {
	if cfg.Key == "" || cfg.Now == nil {
		return nil, errors.New("gemini: a key and a clock are needed")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Client == nil {
		cfg.Client = transport.NewClient(transport.MaxAnswer)
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = callTimeout
	}
	// All of it explicit: what is left out the library takes from variables of the environment that are not ours.
	client, err := genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey: cfg.Key, Backend: genai.BackendGeminiAPI, HTTPClient: cfg.Client,
		HTTPOptions: genai.HTTPOptions{BaseURL: cfg.BaseURL, APIVersion: "v1beta"},
	})
	if err != nil {
		return nil, fmt.Errorf("gemini: open client: %w", err)
	}
	return &Provider{cfg: cfg, models: client.Models}, nil
}

// Close closes idle connections.
func (p *Provider) Close() { p.cfg.Client.CloseIdleConnections() }

// safety asks Google to refuse what a thumbnail for the general public must not show. The core protections, such as of children,
// are always on.
func safety() []*genai.SafetySetting {
	var settings []*genai.SafetySetting
	for _, category := range []genai.HarmCategory{
		genai.HarmCategoryHarassment, genai.HarmCategoryHateSpeech, genai.HarmCategorySexuallyExplicit,
		genai.HarmCategoryDangerousContent,
	} {
		settings = append(settings, &genai.SafetySetting{Category: category, Threshold: genai.HarmBlockThresholdBlockMediumAndAbove})
	}
	return settings
}
