package local

import (
	"image"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// BenchmarkGenerate draws and encodes one picture an iteration, in turn of all four layouts.
func BenchmarkGenerate(b *testing.B) {
	for _, size := range []image.Point{{X: 1280, Y: 720}, {X: 3840, Y: 2160}} {
		b.Run(size.String(), func(b *testing.B) {
			provider, req := New(time.Now), providertest.Request()
			req.Width, req.Height, req.Variants = size.X, size.Y, 1
			b.ReportAllocs()
			for b.Loop() {
				req.Seed++
				_, err := provider.Generate(b.Context(), req, &providertest.MemorySink{})
				require.NoError(b, err)
			}
		})
	}
}
