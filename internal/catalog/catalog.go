// Package catalog lists what a creator can choose and what it costs: models, platforms, qualities and prices.
//
// The lists are fixed when the program is built. What differs between deployments is whether a model is available (its vendor
// has a key, and its breaker is closed), which provider runs it, and what it can do beyond the usual; all of that is fixed when
// a [Catalog] is made, except availability, which is asked each time. Prices are whole credits, and a job costs the price of
// a variant, with the surcharges of its model and of copy mode, times the number of variants.
package catalog

import (
	"slices"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Qualities of a job.
const (
	Draft = "draft"
	Std   = "std"
	FourK = "4k"
)

// Modes of a project.
const (
	Design = "design" // from the prompt
	Copy   = "copy"   // after the look of another picture
)

// What else a model may be able to do; Design and Copy are capabilities, too.
const (
	References = "references" // draw after pictures of the creator's
	Selfie     = "selfie"     // draw the person of a selfie
)

// CopySurcharge is what each variant costs more in copy mode, in credits.
const CopySurcharge = 1

// DefaultModel is used where neither the request nor the project names one.
const DefaultModel = "nano_banana"

// LongSide4K is the longer side of a 4k picture, in pixels.
const LongSide4K = 3840

// ErrModelUnavailable says that no provider runs the model right now.
var ErrModelUnavailable = apperr.New(apperr.Conflict, apperr.CodeModelUnavailable,
	"This model can't be used right now. Choose another one, or try again later.")

// Model is an image model as creators know it. What its vendor calls it, only package providers knows.
type Model struct {
	ID           string
	Name         string
	Provider     string   // the provider that runs it
	Capabilities []string // design, copy, references, selfie, seed, 4k
	Surcharge    int64    // credits more for each variant
}

// Platform is a service where thumbnails are shown, with the size that it recommends.
type Platform struct {
	ID            string
	Name          string
	Width, Height int32 // pixels
}

// models are in the order in which they are shown.
func models() []Model {
	all := []string{"design", "copy", "references", "selfie", "4k"}
	return []Model{
		{ID: "nano_banana", Name: "Nano Banana", Provider: "gemini", Capabilities: all},
		{ID: "nano_banana_pro", Name: "Nano Banana Pro", Provider: "gemini", Capabilities: all, Surcharge: 1},
		{ID: "seedream", Name: "Seedream", Provider: "seedream", Capabilities: all, Surcharge: 1},
		{ID: "fal_flux", Name: "FLUX", Provider: "fal", Capabilities: []string{"design", "seed", "4k"}},
	}
}

// Platforms lists every platform, in the order in which they are shown. Sizes are those that the platforms recommend.
func Platforms() []Platform {
	return []Platform{
		{ID: "youtube", Name: "YouTube", Width: 1280, Height: 720},
		{ID: "youtube_shorts", Name: "YouTube Shorts", Width: 1080, Height: 1920},
		{ID: "tiktok", Name: "TikTok", Width: 1080, Height: 1920},
		{ID: "instagram_post", Name: "Instagram post", Width: 1080, Height: 1350},
		{ID: "instagram_story", Name: "Instagram story", Width: 1080, Height: 1920},
		{ID: "x", Name: "X", Width: 1600, Height: 900},
		{ID: "facebook", Name: "Facebook", Width: 1200, Height: 630},
		{ID: "linkedin", Name: "LinkedIn", Width: 1200, Height: 628},
		{ID: "twitch", Name: "Twitch", Width: 1920, Height: 1080},
		{ID: "podcast", Name: "Podcast cover", Width: 3000, Height: 3000},
	}
}

// PlatformByID finds a platform.
func PlatformByID(id string) (Platform, bool) {
	all := Platforms()
	i := slices.IndexFunc(all, func(p Platform) bool { return p.ID == id })
	if i < 0 {
		return Platform{}, false
	}
	return all[i], true
}

// Catalog is what this deployment offers.
type Catalog struct {
	models    []Model
	available func(modelID string) bool
}

// New returns a catalog. available tells whether a model can be used right now; providerOf, which may be nil, names the
// provider that runs a model in this deployment where that is not its usual one.
func New(available func(modelID string) bool, providerOf func(modelID string) string) *Catalog {
	c := &Catalog{models: models(), available: available}
	if providerOf != nil {
		for i, m := range c.models {
			if provider := providerOf(m.ID); provider != "" {
				c.models[i].Provider = provider
			}
		}
	}
	return c
}

// Grant adds what a model can do in this deployment beyond the usual. It must not be called once the catalog is in use.
func (c *Catalog) Grant(modelID string, capabilities ...string) {
	for i, m := range c.models {
		if m.ID != modelID {
			continue
		}
		for _, capability := range capabilities {
			if !m.Supports(capability) {
				c.models[i].Capabilities = append(slices.Clone(c.models[i].Capabilities), capability)
			}
		}
	}
}

// Models lists every model, available or not.
func (c *Catalog) Models() []Model { return slices.Clone(c.models) }

// Available tells whether a model can be used right now.
func (c *Catalog) Available(modelID string) bool { return c.available(modelID) }

// Model finds a model that can be used, or fails with ErrModelUnavailable.
func (c *Catalog) Model(id string) (Model, error) {
	i := slices.IndexFunc(c.models, func(m Model) bool { return m.ID == id })
	if i < 0 || !c.available(id) {
		return Model{}, ErrModelUnavailable.WithDetail("model", id)
	}
	return c.models[i], nil
}

// Price is what one variant costs in design mode, in credits.
func (m Model) Price(quality string) int64 {
	base := map[string]int64{Draft: 1, Std: 2, FourK: 4}
	return base[quality] + m.Surcharge
}

// Cost is what a job costs, in credits.
func (m Model) Cost(quality, mode string, variants int32) int64 {
	each := m.Price(quality)
	if mode == Copy {
		each += CopySurcharge
	}
	return each * int64(variants)
}

// Supports tells whether the model can do what a capability names.
func (m Model) Supports(capability string) bool { return slices.Contains(m.Capabilities, capability) }

// Size is the size of a picture in a quality: the project's own, or for 4k the same shape with LongSide4K as its longer
// side.
func Size(quality string, width, height int32) (w, h int32) {
	if quality != FourK {
		return width, height
	}
	long := max(width, height)
	scale := func(side int32) int32 { return int32((int64(side)*LongSide4K + int64(long)/2) / int64(long)) }
	return scale(width), scale(height)
}
