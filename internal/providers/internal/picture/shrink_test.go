package picture

import (
	"bytes"
	"context"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

func TestShrink(t *testing.T) {
	t.Parallel()
	data := encode(t, "png", gradient(800, 600))
	same, err := Shrink(t.Context(), providers.Reference{Role: "ref", ContentType: "image/png", Data: data}, len(data))
	require.NoError(t, err)
	require.Equal(t, providers.Reference{Role: "ref", ContentType: "image/png", Data: data}, same)

	most := len(data) / 2
	small, err := Shrink(t.Context(), providers.Reference{Role: "selfie", ContentType: "image/png", Data: data}, most)
	require.NoError(t, err)
	require.LessOrEqual(t, len(small.Data), most)
	require.Equal(t, "selfie", small.Role)
	require.Equal(t, "image/jpeg", small.ContentType)
	img, err := jpeg.Decode(bytes.NewReader(small.Data))
	require.NoError(t, err)
	require.InDelta(t, 800.0/600, float64(img.Bounds().Dx())/float64(img.Bounds().Dy()), 0.02, "its shape")
}

func TestShrink_refuses(t *testing.T) {
	t.Parallel()
	whole := providers.Reference{ContentType: "image/png", Data: encode(t, "png", gradient(300, 200))}
	_, err := Shrink(t.Context(), providers.Reference{Data: whole.Data[:len(whole.Data)/2]}, 100)
	require.ErrorIs(t, err, ErrNotAPicture)
	_, err = Shrink(t.Context(), whole, 1)
	require.ErrorIs(t, err, ErrTooLarge)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Shrink(ctx, whole, 100)
	require.ErrorIs(t, err, context.Canceled)
}
