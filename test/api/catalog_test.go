package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestListModels_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, studio(paint))
	res, err := app.Client("").ListModelsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.True(t, res.JSON200.NextCursor.IsNull())
	byID := map[client.ModelID]client.Model{}
	for _, m := range res.JSON200.Items {
		byID[m.ID] = m
	}
	require.Len(t, byID, 4)
	require.True(t, byID[client.ModelIDNanoBanana].Available)
	require.Equal(t, "painter", byID[client.ModelIDNanoBanana].Provider, "the provider that draws for it here")
	require.False(t, byID[client.ModelIDSeedream].Available, "no provider draws for it here")
	require.Equal(t, client.Prices{Draft: 1, Std: 2, N4K: 4}, byID[client.ModelIDNanoBanana].Prices)
	require.Equal(t, client.Prices{Draft: 2, Std: 3, N4K: 5}, byID[client.ModelIDNanoBananaPro].Prices)
	require.EqualValues(t, 1, byID[client.ModelIDSeedream].CopySurcharge)
}

func TestListModels_200_staleToken(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res, err := app.Client("stale").ListModelsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "a token is none of a public operation's business")
}

func TestListPlatforms_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	res, err := app.Client("").ListPlatformsWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Equal(t, client.Platform{ID: client.PlatformIDYoutube, Name: "YouTube", Width: 1280, Height: 720}, res.JSON200.Items[0])
	for _, p := range res.JSON200.Items {
		require.True(t, p.ID.Valid(), p.ID)
	}
	require.Equal(t, http.StatusOK, res.StatusCode())
}
