package app

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
)

func TestChooseModerator_withoutAVendorCountsFaces(t *testing.T) {
	t.Parallel()
	checker, err := inspect.New(inspect.Config{})
	require.NoError(t, err)
	one, err := os.ReadFile("../assets/inspect/testdata/face.jpg")
	require.NoError(t, err)
	face, err := jpeg.Decode(bytes.NewReader(one))
	require.NoError(t, err)
	width, height := face.Bounds().Dx(), face.Bounds().Dy()
	pair := image.NewRGBA(image.Rect(0, 0, 2*width, height))
	draw.Draw(pair, image.Rect(0, 0, width, height), face, face.Bounds().Min, draw.Src)
	draw.Draw(pair, image.Rect(width, 0, 2*width, height), face, face.Bounds().Min, draw.Src)
	var two bytes.Buffer
	require.NoError(t, jpeg.Encode(&two, pair, nil))

	moderator := chooseModerator(providers.Adapters{}, "", checker)
	require.Equal(t, "local/1", moderator.Name())
	for _, c := range []struct {
		data []byte
		want providers.Finding
	}{{one, providers.Finding{}}, {two.Bytes(), providers.Finding{Likeness: true}}} {
		found, err := moderator.Moderate(t.Context(), providers.Picture{ContentType: "image/jpeg", Data: c.data})
		require.NoError(t, err)
		require.Equal(t, c.want, found)
	}
	_, err = moderator.Moderate(t.Context(), providers.Picture{ContentType: "image/jpeg", Data: []byte("no picture")})
	require.ErrorIs(t, err, inspect.ErrInvalidImage)
}

func TestChooseModerator_geminiWhereItsKeyIs(t *testing.T) {
	t.Parallel()
	vendor, err := gemini.Vendor().Open(providers.Account{Key: "k", Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(vendor.Close)
	require.Equal(t, "gemini-3.8-flash/1", chooseModerator(vendor, vendorModels()[providers.ChatModel].model, nil).Name())
}
