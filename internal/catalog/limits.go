package catalog

import "github.com/mugshot-studio/backend/internal/platform/apperr"

// ErrQuotaExceeded says that an account keeps as much as its plan allows.
var ErrQuotaExceeded = apperr.New(apperr.Conflict, apperr.CodeQuotaExceeded,
	"Your plan has no room for more. Delete what you no longer need, or choose a larger plan.")

// Limits are what an account may keep at a time, and have done in a day. Those of what it keeps hold back one that fills the
// database and the storage; requests at the same instant may pass them by a few.
type Limits struct {
	Projects    int64
	Pictures    int64 // uploaded and drawn
	StoredBytes int64 // of the pictures

	// RepliesPerDay is how often the assistant answers in a day. They come back one by one, evenly over the day.
	RepliesPerDay int64
}

const gib = 1 << 30

// LimitsOf returns the limits of a plan. A plan that is not known has those of the smallest.
func LimitsOf(plan string) Limits {
	switch plan {
	case "studio":
		return Limits{Projects: 10_000, Pictures: 20_000, StoredBytes: 100 * gib, RepliesPerDay: 2_000}
	case "pro":
		return Limits{Projects: 2_000, Pictures: 5_000, StoredBytes: 20 * gib, RepliesPerDay: 500}
	}
	return Limits{Projects: 500, Pictures: 1_000, StoredBytes: 2 * gib, RepliesPerDay: 50}
}

// MostKept is more than any plan lets an account keep of one kind: what is counted is counted no further.
const MostKept = 25_000

// CheckProject fails with [ErrQuotaExceeded] where an account of a plan that has so many projects may not have another one.
func CheckProject(plan string, projects int64) error {
	if limit := LimitsOf(plan).Projects; projects >= limit {
		return ErrQuotaExceeded.WithDetail("limit", "projects").WithDetail("maximum", limit)
	}
	return nil
}

// CheckPicture is CheckProject for a picture of a size, in bytes, beside so many others.
func CheckPicture(plan string, pictures, bytes, size int64) error {
	limits := LimitsOf(plan)
	switch {
	case pictures >= limits.Pictures:
		return ErrQuotaExceeded.WithDetail("limit", "pictures").WithDetail("maximum", limits.Pictures)
	case bytes+size > limits.StoredBytes:
		return ErrQuotaExceeded.WithDetail("limit", "stored_bytes").WithDetail("maximum", limits.StoredBytes)
	}
	return nil
}
