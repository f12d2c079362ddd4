package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Exactly returns a reader of the size bytes of body. Its last bytes come only once body is known to end there, so that a
// transfer of a body that is too long breaks off as one that is too short does, and nothing is stored. It fails with
// ErrBody, or with ctx's error once ctx has ended; it never reads more than one byte beyond size.
func Exactly(ctx context.Context, body io.Reader, size int64) io.Reader {
	return &exactReader{ctx: ctx, body: body, left: size}
}

type exactReader struct {
	ctx  context.Context //nolint:containedctx // a reader has no other way to learn of the end
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

// expectEnd makes sure that the body has no byte more.
func (r *exactReader) expectEnd() error {
	switch n, err := io.ReadFull(r.body, make([]byte, 1)); {
	case n > 0:
		r.end = fmt.Errorf("%w: longer than announced", ErrBody)
	case !errors.Is(err, io.EOF):
		return r.fail(err)
	}
	return r.end
}

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
