package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Offer is what the writer knows of the catalog.
type Offer struct {
	Platforms     []Platform
	Models        []Model
	CopySurcharge int64 // credits more for each picture in copy mode
}

// Platform is a place where thumbnails are shown.
type Platform struct {
	ID, Name      string
	Width, Height int32 // pixels
}

// Model is an image model with its prices in credits for each picture.
type Model struct {
	ID, Name          string
	Draft, Std, FourK int64
}

// Pause waits, or returns the cause of the end of ctx.
type Pause func(ctx context.Context, d time.Duration) error

// wordEvery is the pace of writing: about as fast as a vendor, and fast to read.
const wordEvery = 25 * time.Millisecond

// Writer answers creators by rules: it knows the catalog, and makes a headline, a subtext and a vibe of what they write.
// The same conversation gives the same answer. It is safe for concurrent use.
type Writer struct {
	offer Offer
	now   func() time.Time
	pause Pause
}

var _ providers.Text = (*Writer)(nil)

// NewWriter returns a writer that measures its latency with now and keeps its pace with pause.
func NewWriter(offer Offer, now func() time.Time, pause Pause) *Writer {
	return &Writer{offer: offer, now: now, pause: pause}
}

// Reply implements providers.Text. A conversation in which the creator has not said anything fails with a Permanent
// *providers.Error.
func (w *Writer) Reply(ctx context.Context, req providers.TextRequest, emit func(piece string) error) (providers.Meta, error) {
	start := w.now()
	answer, err := w.answer(req.Turns)
	if err != nil {
		return providers.Meta{}, err
	}
	for piece := range strings.SplitAfterSeq(answer, " ") {
		if err := w.pause(ctx, wordEvery); err != nil {
			return providers.Meta{}, fmt.Errorf("local: %w", err)
		}
		if err := emit(piece); err != nil {
			return providers.Meta{}, fmt.Errorf("local: %w", err)
		}
	}
	return providers.Meta{
		ProviderName: name, Model: req.Model, LatencyMS: w.now().Sub(start).Milliseconds(),
		RequestID: name + "-" + req.MessageID.String(),
	}, nil
}
