package providers

// Entry is the adapter that draws for a model of the catalog.
type Entry struct {
	Provider    string // the provider's name, as creators see it
	Image       Image
	VendorModel string // what the vendor calls the model
}

// Registry has the adapter that draws for each model in this deployment, by the model's id. A model that is not in it can't be used.
type Registry map[string]Entry

// Available tells whether an adapter draws for the model.
func (r Registry) Available(modelID string) bool {
	_, ok := r[modelID]
	return ok
}

// ProviderOf names the provider of a model, or nothing.
func (r Registry) ProviderOf(modelID string) string { return r[modelID].Provider }

// Image returns the adapter that draws for a model, and the vendor's name of the model.
func (r Registry) Image(modelID string) (image Image, vendorModel string, ok bool) {
	e, ok := r[modelID]
	return e.Image, e.VendorModel, ok
}
