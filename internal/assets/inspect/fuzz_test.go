package inspect_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
)

// FuzzCheck looks for bytes that a decoder can't cope with, or that pass and yet can't be used.
func FuzzCheck(f *testing.F) {
	for _, s := range samples() {
		if len(s.file) < 64<<10 && !s.portrait && s.reason != inspect.TooManyPixels {
			f.Add(s.file)
		}
	}
	c := must(inspect.New(inspect.Config{Memory: 192 << 20}))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, contentType := range []string{jpg, pngT, webp} {
			picture, err := c.Check(t.Context(), bytes.NewReader(file), inspect.Wanted{
				ContentType: contentType, Size: int64(len(file)), Redraw: true,
			})
			if err != nil {
				require.ErrorIs(t, err, inspect.ErrInvalidImage)
				require.NotErrorIs(t, err, inspect.ErrPanicked)
				continue
			}
			require.Positive(t, picture.Width)
			require.Positive(t, picture.Height)
			_, err = c.Check(t.Context(), bytes.NewReader(picture.Data), inspect.Wanted{
				ContentType: picture.ContentType, Size: picture.Size, Portrait: true,
			})
			require.True(t, err == nil || errors.Is(err, inspect.ErrFaceCheck), "what was redrawn is a picture: %v", err)
		}
	})
}
