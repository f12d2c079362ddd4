package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// vendorModel is a vendor's own name of a model.
type vendorModel struct {
	provider string
	model    string
}

// vendorModels has every model that a vendor runs for us, by our own id.
func vendorModels() map[string]vendorModel {
	models := map[string]vendorModel{}
	for _, vendor := range vendors() {
		for id, model := range vendor.Models {
			models[id] = vendorModel{vendor.Name, model}
		}
	}
	return models
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
