package inspect_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
)

// allocated is how many bytes f allocates. Nothing else may run meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A file that is refused by its header has cost its own bytes and little more.
func TestCheck_bombsCostNothing(t *testing.T) { //nolint:paralleltest // counts allocations
	c := checker(t)
	for _, s := range samples() {
		if s.reason == inspect.TooManyPixels {
			cost := allocated(func() {
				_, err := check(t, c, s.file, inspect.Wanted{ContentType: s.announce})
				requireReason(t, s.reason, err)
			})
			require.Less(t, cost, uint64(len(s.file))+256<<10, s.name)
		}
	}
}

// What is reserved for a picture covers all that is allocated for it, garbage included.
func TestCheck_reservesWhatItTakes(t *testing.T) { //nolint:paralleltest // counts allocations
	const width, height = 800, 600
	for name, s := range map[string]sample{
		"JPEG, gray":             {file: flatJPEG(0xc0, width, height, 1, 1), announce: jpg},
		"JPEG":                   {file: flatJPEG(0xc0, width, height, 3, 1), announce: jpg},
		"JPEG, CMYK":             {file: flatJPEG(0xc0, width, height, 4, 1), announce: jpg},
		"JPEG, subsampled":       {file: faceJPEG, announce: jpg},
		"JPEG, progressive":      {file: flatJPEG(0xc2, width, height, 3, 3), announce: jpg},
		"JPEG, progressive CMYK": {file: flatJPEG(0xc2, width, height, 4, 3), announce: jpg},
		"JPEG, RGB by Adobe":     {file: withSegment(flatJPEG(0xc0, width, height, 3, 1), 0xee, adobe), announce: jpg},
		"PNG, 1 bit":             {file: flatPNG(width, height, 1, 0, 0, 1), announce: pngT},
		"PNG":                    {file: flatPNG(width, height, 8, 6, 0, 32), announce: pngT},
		"PNG, 16 bits":           {file: flatPNG(width, height, 16, 6, 0, 64), announce: pngT},
		"PNG, interlaced":        {file: flatPNG(width, height, 8, 6, 1, 32), announce: pngT},
		"PNG, 16, interlaced":    {file: flatPNG(width, height, 16, 6, 1, 64), announce: pngT},
		"WebP, lossless":         {file: riff(flatVP8L(width, height)), announce: webp},
		"WebP, lossy":            {file: faceWebP, announce: webp},
		"WebP with alpha":        {file: riff(vp8x(0x10, 480, 480), riffChunk("ALPH", make([]byte, 1+480*480)), vp8()), announce: webp},
	} {
		reserved, decode, err := inspect.Decoding(s.file, s.announce)
		require.NoError(t, err)
		took := allocated(func() { require.NoError(t, decode(), name) })
		require.Less(t, took, uint64(reserved)+128<<10, name) // beside it, the decoder itself
	}

	sideways := withChunk(flatPNG(2048, 2048, 1, 0, 0, 1), "eXIf", exif(binary.BigEndian, 6))
	reserved, _, err := inspect.Decoding(sideways, pngT)
	require.NoError(t, err)
	c := checker(t)
	took := allocated(func() {
		_, err := check(t, c, sideways, inspect.Wanted{ContentType: pngT, Redraw: true})
		require.NoError(t, err)
	})
	require.Less(t, took, uint64(reserved+inspect.Drawing))
}

// Many large pictures at once take no more than one after the other.
func TestCheck_takesTurns(t *testing.T) { //nolint:paralleltest // measures the heap
	const memory = 120 << 20
	c := must(inspect.New(inspect.Config{Memory: memory, Parallel: 8, MaxWait: time.Hour}))
	file := flatJPEG(0xc2, 2000, 1800, 3, 1) // 54 MB of coefficients and planes
	runtime.GC()
	var checks sync.WaitGroup
	for range 8 {
		checks.Go(func() {
			_, err := check(t, c, file, inspect.Wanted{ContentType: jpg})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() { checks.Wait(); close(done) }()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	var peak uint64
	for tick := time.Tick(time.Millisecond); ; {
		metrics.Read(heap)
		peak = max(peak, heap[0].Value.Uint64())
		select {
		case <-done:
			t.Logf("peak of the heap: %d MiB", peak>>20)
			require.Less(t, peak, uint64(memory))
			return
		case <-tick:
		}
	}
}

// BenchmarkCheck tells what a check costs.
func BenchmarkCheck(b *testing.B) {
	for name, s := range map[string]struct {
		file []byte
		want inspect.Wanted
	}{
		"portrait 0.2 MP":             {faceJPEG, inspect.Wanted{ContentType: jpg, Portrait: true, Redraw: true}},
		"reference 12 MP":             {asJPEG(scaled(face(), 3400, 3500)), inspect.Wanted{ContentType: jpg}},
		"portrait 12 MP":              {asJPEG(scaled(face(), 3400, 3500)), inspect.Wanted{ContentType: jpg, Portrait: true, Redraw: true}},
		"PNG 40 MP":                   {flatPNG(8000, 5000, 8, 6, 0, 32), inspect.Wanted{ContentType: pngT, Redraw: true}},
		"progressive 40 MP, 15 scans": {endlessJPEG(6320, 6320, 15), inspect.Wanted{ContentType: jpg}},
		"noise":                       {asPNG(noise(640, 640)), inspect.Wanted{ContentType: pngT, Redraw: true}},
	} {
		b.Run(name, func(b *testing.B) {
			c := checker(b)
			s.want.Size = int64(len(s.file))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Check(b.Context(), bytes.NewReader(s.file), s.want); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
