package fal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/internal/picture"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
)

// request is one picture to draw, and the endpoint that draws it.
type request struct {
	endpoint string
	input    input
	dialect  dialect
}

// input is what the endpoints take. What an endpoint does not know stays empty.
type input struct {
	Prompt        string    `json:"prompt"`
	ImageURLs     []string  `json:"image_urls,omitempty"` // data URLs
	ImageSize     imageSize `json:"image_size"`
	NumImages     int       `json:"num_images"`
	MaxImages     int       `json:"max_images,omitempty"`
	Seed          int32     `json:"seed"`
	OutputFormat  string    `json:"output_format,omitempty"`
	SafetyChecker bool      `json:"enable_safety_checker"`
}

type imageSize struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// dialect is what differs between the families of endpoints.
type dialect struct {
	minPixels, maxPixels int // of a picture
	step                 int // sides are multiples of it
	text                 func(providers.ImageRequest) string
	outputFormat         string // empty: not asked for
	maxImages            int    // 0: not known there
	perMegapixel         float64
	perPicture           float64 // US dollars
}

// dialectOf finds the family by an endpoint's id. Others than Seedream are taken for relatives of FLUX, which is made for
// up to two megapixels in steps of 16; what has to be larger is enlarged here.
func dialectOf(endpoint string) dialect {
	seedream := dialect{minPixels: 3_686_400, maxPixels: 16_777_216, step: 1, text: prompts.Seedream, maxImages: 1, perPicture: 0.04}
	switch {
	case strings.Contains(endpoint, "seedream/v5/pro"):
		seedream.minPixels, seedream.maxPixels = 921_600, 4_624_220
		return seedream
	case strings.Contains(endpoint, "seedream/v4/"):
		seedream.minPixels, seedream.perPicture = 921_600, 0.03
		return seedream
	case strings.Contains(endpoint, "seedream/"):
		return seedream
	}
	flux := dialect{minPixels: 512 * 512, maxPixels: 2_000_000, step: 16, text: prompts.Flux, outputFormat: "png"}
	if endpoint == DefaultModel {
		flux.perMegapixel = 0.025
	}
	return flux
}

// endpoints are ids that can be a part of a URL's path as they are.
var endpoints = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)

const (
	maxReferences = 10 // fal keeps the last ten
	maxRatio      = 16
)

// newRequest checks a job against what the endpoint takes, before anything is sent. The prompt is brought into its normal form,
// which changes nothing if it has it already.
func (p *Provider) newRequest(ctx context.Context, req providers.ImageRequest) (request, error) {
	endpoint := req.Model
	if len(req.References) > 0 {
		endpoint = p.cfg.EditEndpoint
	}
	switch {
	case endpoint == "":
		return request{}, fail(providers.Permanent, "references_unsupported", errors.New("no endpoint is configured that takes references"))
	case !endpoints.MatchString(endpoint):
		return request{}, broken("invalid_endpoint", errors.New("the model is no endpoint's id"))
	case len(req.References) > maxReferences:
		return request{}, fail(providers.Permanent, "too_many_references", fmt.Errorf("%d, of %d at most", len(req.References), maxReferences))
	case req.Width < 1 || req.Height < 1 || req.Width > maxRatio*req.Height || req.Height > maxRatio*req.Width:
		return request{}, fail(providers.Permanent, "invalid_size", fmt.Errorf("%dx%d pixels", req.Width, req.Height))
	}
	req.Prompt = prompts.Normalize(req.Prompt).Prompt
	d := dialectOf(endpoint)
	r := request{endpoint: endpoint, dialect: d, input: input{
		Prompt: d.text(req), ImageSize: d.size(req.Width, req.Height), NumImages: 1, MaxImages: d.maxImages,
		OutputFormat: d.outputFormat, SafetyChecker: true,
	}}
	for i, reference := range req.References {
		if p.cfg.Redraw != nil {
			redrawn, err := p.cfg.Redraw(ctx, reference)
			if err != nil {
				return request{}, fmt.Errorf("fal: prepare reference %d: %w", i+1, err)
			}
			reference = redrawn
		}
		contentType := http.DetectContentType(reference.Data)
		if contentType != "image/png" && contentType != "image/jpeg" && contentType != "image/webp" {
			return request{}, fail(providers.Permanent, "invalid_reference", fmt.Errorf("reference %d is no picture", i+1))
		}
		r.input.ImageURLs = append(r.input.ImageURLs, "data:"+contentType+";base64,"+base64.StdEncoding.EncodeToString(reference.Data))
	}
	return r, nil
}

// size is the nearest one that the endpoint draws well. What it can't be exactly, is made of what was drawn.
func (d dialect) size(width, height int) imageSize {
	w, h := picture.Area(width, height, d.minPixels, d.maxPixels)
	near := func(side int) int { return max(1, (side+d.step/2)/d.step) * d.step }
	return imageSize{near(w), near(h)}
}

// price is an estimate in US dollars; fal counts begun megapixels, of which a square of 1024 pixels is one. 0: not known.
func (r request) price() float64 {
	megapixels := math.Ceil(float64(r.input.ImageSize.Width*r.input.ImageSize.Height) / (1 << 20))
	return r.dialect.perPicture + r.dialect.perMegapixel*megapixels
}

// seed is a variant's own, in 31 bits.
func seed(of int64, variant int) int32 { return int32((uint64(of) + uint64(variant)) & 0x7fffffff) }
