package inspect_test

import (
	"bytes"
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

// What is reserved for a picture covers all that is allocated for it, garbage included: a checker with just less memory
// than that refuses it.
func TestCheck_reservesWhatItTakes(t *testing.T) { //nolint:paralleltest // counts allocations
	const width, height = 3000, 2000
	for name, s := range map[string]sample{
		"JPEG, gray":             {file: flatJPEG(0xc0, width, height, 1, 1), announce: jpg},
		"JPEG":                   {file: flatJPEG(0xc0, width, height, 3, 1), announce: jpg},
		"JPEG, CMYK":             {file: flatJPEG(0xc0, width, height, 4, 1), announce: jpg},
		"JPEG, progressive":      {file: flatJPEG(0xc2, width, height, 3, 3), announce: jpg},
		"JPEG, progressive CMYK": {file: flatJPEG(0xc2, width, height, 4, 3), announce: jpg},
		"PNG, 1 bit":             {file: flatPNG(width, height, 1, 0, 0, 1), announce: pngT},
		"PNG":                    {file: flatPNG(width, height, 8, 6, 0, 32), announce: pngT},
		"PNG, 16 bits":           {file: flatPNG(width, height, 16, 6, 0, 64), announce: pngT},
		"PNG, interlaced":        {file: flatPNG(width, height, 8, 6, 1, 32), announce: pngT},
		"PNG, 16, interlaced":    {file: flatPNG(width, height, 16, 6, 1, 64), announce: pngT},
		"WebP, lossless":         {file: riff(flatVP8L(width, height)), announce: webp},
		"WebP, lossy":            {file: faceWebP, announce: webp},
		"WebP with alpha":        {file: riff(vp8x(0x10, 480, 480), riffChunk("ALPH", make([]byte, 1+480*480)), vp8()), announce: webp},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // counts allocations
			room := checker(t)
			took := allocated(func() {
				_, err := check(t, room, s.file, inspect.Wanted{ContentType: s.announce, Redraw: true})
				require.NoError(t, err)
			})
			took -= uint64(len(s.file)) // which has a slot of its own
			tight := must(inspect.New(inspect.Config{Memory: int64(took) - 1}))
			_, err := check(t, tight, s.file, inspect.Wanted{ContentType: s.announce})
			requireReason(t, inspect.TooManyPixels, err)
		})
	}
}

// Many large pictures at once take no more than one after the other.
func TestCheck_takesTurns(t *testing.T) { //nolint:paralleltest // measures the heap
	const memory = 256 << 20
	c := must(inspect.New(inspect.Config{Memory: memory, Parallel: 8}))
	file := flatJPEG(0xc2, 3000, 3000, 3, 2) // some 180 MB of coefficients, planes and pixels
	var checks sync.WaitGroup
	for range 16 {
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
			require.Less(t, peak, uint64(memory+64<<20))
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
		"PNG 40 MP":                   {flatPNG(8000, 5000, 16, 6, 0, 64), inspect.Wanted{ContentType: pngT, Redraw: true}},
		"progressive 40 MP, 80 scans": {flatJPEG(0xc2, 8000, 5000, 3, 80), inspect.Wanted{ContentType: jpg}},
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
