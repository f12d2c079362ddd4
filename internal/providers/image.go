package providers

import (
	"context"

	"github.com/google/uuid"
)

// Image draws thumbnails. Generate hands each finished picture to sink and returns the stored paths in the order of
// the variants. A vendor's failure is an [*Error]; the end of ctx and the sink's errors come back wrapped as they are, so
// that they do not count as the vendor's. ctx carries the deadline, and a cancelled ctx aborts the vendor's call.
type Image interface {
	Generate(ctx context.Context, req ImageRequest, sink Sink) (ImageResult, error)
}

// Sink takes finished pictures.
type Sink interface {
	// Begin records that the given variant (1-based) is asked of the vendor, before it is: from then on its owner pays for it,
	// also when she cancels. An error means that it must not be asked for.
	Begin(ctx context.Context, variant int) error
	// Put stores picture as the given variant (1-based) and returns its storage path. Calling it again for the same
	// variant replaces the picture.
	Put(ctx context.Context, variant int, picture Picture) (path string, err error)
	// Progress reports how far the drawing is, from 0 to 1. It never blocks for long.
	Progress(done float64)
}

// Picture is an encoded image.
type Picture struct {
	ContentType   string // image/png, image/jpeg or image/webp
	Data          []byte
	Width, Height int // pixels
}

// ImageRequest is one job, without anything that a vendor need not know.
type ImageRequest struct {
	JobID         uuid.UUID // stable over retries: the idempotency key where a vendor takes one
	Model         string    // the vendor's own model id
	Mode          string    // design or copy
	Platform      string    // catalog id, such as youtube
	Quality       string    // draft, std or 4k
	Width, Height int       // pixels of each picture
	Variants      int       // 1 to 4
	Seed          int64     // the same seed gives the same pictures where the vendor can
	Prompt        Prompt
	References    []Reference
}

// Prompt is what the creator wrote, in its normal form. Package prompts makes each vendor's text of it, in which it is quoted
// as data.
type Prompt struct {
	Headline string `json:"headline"`
	Subtext  string `json:"subtext,omitempty"`
	Vibe     string `json:"vibe,omitempty"`
	Details  string `json:"details,omitempty"`
}

// Reference is a picture that the creator supplied.
type Reference struct {
	Role        string // ref, selfie or copy_target
	ContentType string
	Data        []byte
}

// Redraw brings a creator's picture into a form that may be sent to a vendor: upright, of a moderate size, and without metadata
// such as where it was taken.
type Redraw func(ctx context.Context, reference Reference) (Reference, error)

// ImageResult is the result of an image call, in the form that the product owner fixed.
type ImageResult struct {
	Images []string `json:"images"` // storage paths, one a variant
	Meta   Meta     `json:"meta"`
}

// Meta is what is known of a call afterwards; it is stored in jobs.provider_meta.
type Meta struct {
	ProviderName string  `json:"provider_name"`
	Model        string  `json:"model"`
	LatencyMS    int64   `json:"latency_ms"`
	CostEstimate float64 `json:"cost_estimate"` // US dollars
	RequestID    string  `json:"request_id,omitempty"`
}
