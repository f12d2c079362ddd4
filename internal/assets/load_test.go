package assets_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// costlyPNG is a picture of zeros of four channels: small, and as dear to check as a file of its pixels and depth can be.
func costlyPNG(width, height, depth int) []byte {
	chunk := func(kind string, payload []byte) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), kind...)
		b = append(b, payload...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	var data bytes.Buffer
	w := zlib.NewWriter(&data)
	row := make([]byte, 1+width*4*depth/8)
	for range height {
		if _, err := w.Write(row); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, byte(depth), 6, 0, 0, 0)),
		chunk("IDAT", data.Bytes()), chunk("IEND", nil))
}

// BenchmarkComplete_bystander tells how long a stranger's selfie of 41 kB takes to be completed: alone, beside one account
// that completes the costliest pictures at the rate that its limit allows, and beside one that has eight under way at any
// time, as without a limit. docs/adr/0074 has the figures.
func BenchmarkComplete_bystander(b *testing.B) {
	for name, load := range map[string]struct{ uploads, everySecond int }{
		"idle": {}, "hostile, one a second": {uploads: 1, everySecond: 1}, "hostile, eight at once": {uploads: 8},
	} {
		for kind, file := range map[string][]byte{
			"PNG of 16 bits": costlyPNG(5000, 4000, 16), "PNG of 40 MP": costlyPNG(8000, 5000, 8),
		} {
			b.Run(name+", "+kind, func(b *testing.B) {
				f := setup(b)
				stop, cancel := context.WithCancel(b.Context())
				var hostile sync.WaitGroup
				enemy := factory.User(b, f.store, 0)
				for range load.uploads {
					hostile.Go(func() { f.attack(stop, enemy, file, load.everySecond > 0) })
				}
				var took []time.Duration
				for b.Loop() {
					id, _ := f.upload(b, assets.Selfie, "image/jpeg", face(b))
					begun := time.Now()
					_, _, err := f.Complete(b.Context(), f.user.ID, id)
					require.NoError(b, err)
					took = append(took, time.Since(begun))
				}
				cancel()
				hostile.Wait()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-median")
				b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "ms-p95")
			})
		}
	}
}

// attack completes one costly upload after the other, or one a second, until ctx ends.
func (f *fixture) attack(ctx context.Context, enemy db.User, file []byte, slowly bool) {
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		all.Go(func() {
			ticket, err := f.CreateUpload(ctx, enemy.ID, assets.Upload{Type: assets.Selfie, ContentType: "image/png", Size: int64(len(file))})
			if err != nil {
				return
			}
			row, err := f.store.Queries().AssetGetUpload(ctx, db.AssetGetUploadParams{ID: ticket.AssetID, UserID: &enemy.ID})
			if err != nil || f.objects.Put(ctx, objectOf(row), "image/png", bytes.NewReader(file), int64(len(file))) != nil {
				return
			}
			_, _, _ = f.Complete(ctx, enemy.ID, ticket.AssetID) // there is no face, and that is not what is measured
		})
		if slowly {
			<-tick.C
			continue
		}
		all.Wait()
	}
}
