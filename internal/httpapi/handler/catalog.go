package handler

import (
	"context"

	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/catalog"
)

// catalogHandlers are the operations of the tag catalog.
type catalogHandlers struct{ catalog *catalog.Catalog }

// ListModels answers GET /models.
func (h catalogHandlers) ListModels(context.Context, api.ListModelsRequestObject) (api.ListModelsResponseObject, error) {
	models := h.catalog.Models()
	list := api.ListModels200JSONResponse{Items: make([]api.Model, len(models)), NextCursor: nullable.NewNullNullable[string]()}
	for i, m := range models {
		capabilities := make([]api.ModelCapabilities, len(m.Capabilities))
		for j, c := range m.Capabilities {
			capabilities[j] = api.ModelCapabilities(c)
		}
		list.Items[i] = api.Model{
			ID: api.ModelID(m.ID), Name: m.Name, Provider: m.Provider, Capabilities: capabilities,
			Available: h.catalog.Available(m.ID), CopySurcharge: catalog.CopySurcharge,
			Prices: api.Prices{
				Draft: m.Price(catalog.Draft), Std: m.Price(catalog.Std), N4K: m.Price(catalog.FourK),
			},
		}
	}
	return list, nil
}

// ListPlatforms answers GET /platforms.
func (h catalogHandlers) ListPlatforms(
	context.Context, api.ListPlatformsRequestObject,
) (api.ListPlatformsResponseObject, error) {
	platforms := catalog.Platforms()
	list := api.ListPlatforms200JSONResponse{
		Items: make([]api.Platform, len(platforms)), NextCursor: nullable.NewNullNullable[string](),
	}
	for i, p := range platforms {
		list.Items[i] = api.Platform{
			ID: api.PlatformID(p.ID), Name: p.Name, Width: int64(p.Width), Height: int64(p.Height),
		}
	}
	return list, nil
}
