package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Exactly returns a reader of the size bytes of body. It returns the last bytes only once it has seen that body ends there:
// so a transfer of a body that is too long fails before its end, like that of one that is too short, and nothing is stored.
// It fails with [ErrBody], or with ctx's error once ctx has ended. It reads at most one byte beyond size.
func Exactly(ctx context.Context, body io.Reader, size int64) io.Reader {
	return &exactReader{ctx: ctx, body: body, left: size}
}

type exactReader struct {
	ctx  context.Context //nolint:containedctx // Read has no context parameter
	body io.Reader
	left int64
	end  error // what every further read returns
}

// Read implements io.Reader.
func (r *exactReader) Read(p []byte) (int, error) {
	if r.end == nil && r.ctx.Err() != nil {
		r.end = r.ctx.Err()
	}
	if r.end != nil {
		return 0, r.end
	}
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	if r.left > 0 {
		var err error
		n, err = r.body.Read(p[:min(int64(len(p)), r.left)])
		r.left -= int64(n)
		if err != nil && r.left > 0 {
			return n, r.fail(err)
		}
	}
	if r.left > 0 {
		return n, nil
	}
	if err := r.expectEnd(); err != nil {
		return 0, err
	}
	r.end = io.EOF
	return n, io.EOF
}

// expectEnd fails unless the body ends here.
func (r *exactReader) expectEnd() error {
	switch n, err := io.ReadFull(r.body, make([]byte, 1)); {
	case n > 0:
		r.end = fmt.Errorf("%w: longer than announced", ErrBody)
	case !errors.Is(err, io.EOF):
		return r.fail(err)
	}
	return r.end
}

// fail returns the error of a read that failed, and of all further reads.
func (r *exactReader) fail(err error) error {
	switch {
	case r.ctx.Err() != nil:
		r.end = r.ctx.Err()
	case errors.Is(err, io.EOF):
		r.end = fmt.Errorf("%w: %d bytes shorter than announced", ErrBody, r.left)
	default:
		r.end = fmt.Errorf("%w: %w", ErrBody, err)
	}
	return r.end
}
