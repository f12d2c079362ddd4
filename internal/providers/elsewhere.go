package providers

import (
	"context"
	"errors"
)

// Elsewhere is the adapter of a vendor that other processes draw with: this one offers the vendor's models, and has no key.
type Elsewhere struct{}

var _ Image = Elsewhere{}

// errNoKey says that a task came to a process that does not draw.
var errNoKey = errors.New("this process has no key of the vendor")

// Generate implements [Image]. It always fails, since the process was started without the vendor's key.
func (Elsewhere) Generate(context.Context, ImageRequest, Sink) (ImageResult, error) {
	return ImageResult{}, errNoKey
}
