package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers/fal"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/internal/providers/seedream"
)

// vendorModel is a vendor's own name of a model.
type vendorModel struct {
	provider string
	model    string
}

// chatModel is the id of the model that writes the chat's replies and judges pictures; it is not in the catalog.
const chatModel = "chat"

// vendorModels has each model that a vendor runs, by the id that the catalog gives it, and chatModel. PROVIDER_MODELS
// replaces the vendor's names. Vendors retire models, so these go stale; docs/providers.md says where each comes from.
func vendorModels() map[string]vendorModel {
	return map[string]vendorModel{
		"nano_banana":     {gemini.Name, "gemini-nano-banana-2.1"},
		"nano_banana_pro": {gemini.Name, "gemini-3-pro-image"},
		"seedream":        {seedream.Name, "seedream-4-5-251128"},
		"fal_flux":        {fal.Name, "fal-ai/flux/dev"},
		chatModel:         {gemini.Name, "gemini-3.8-flash"},
	}
}

// chooseModels applies PROVIDER_MODELS. It fails for an unknown id, which would be a typing error.
func chooseModels(replaced map[string]string) (map[string]vendorModel, error) {
	models := vendorModels()
	for id, model := range replaced {
		chosen, ok := models[id]
		if !ok || model == "" {
			known := strings.Join(slices.Sorted(maps.Keys(models)), ", ")
			return nil, fmt.Errorf("PROVIDER_MODELS: %q is no model of ours, or has no name; there are %s", id, known)
		}
		chosen.model = model
		models[id] = chosen
	}
	return models, nil
}
