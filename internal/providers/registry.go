package providers

// Entry is who draws for a model of the catalog.
type Entry struct {
	Provider    string // the provider's name, as creators see it
	Image       Image
	VendorModel string // what the vendor calls the model
}

// Registry knows who draws for which model in this deployment. A model that is not in it can't be used.
type Registry map[string]Entry

// Available tells whether somebody draws for the model.
func (r Registry) Available(modelID string) bool {
	_, ok := r[modelID]
	return ok
}

// ProviderOf names the provider of a model, or nothing.
func (r Registry) ProviderOf(modelID string) string { return r[modelID].Provider }

// Image finds who draws for a model, and the vendor's name of it.
func (r Registry) Image(modelID string) (image Image, vendorModel string, ok bool) {
	e, ok := r[modelID]
	return e.Image, e.VendorModel, ok
}
