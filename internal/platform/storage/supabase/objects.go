package supabase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Put implements storage.Store.
func (c *Client) Put(ctx context.Context, object storage.Object, contentType string, body io.Reader, size int64) error {
	if err := object.Validate(); err != nil {
		return err
	}
	source := newSource(body)
	k := call{
		doing: "put " + name(object), method: http.MethodPost, path: "/object/" + name(object), timeout: c.transfer,
		header: http.Header{
			"Content-Type": {contentType}, "Cache-Control": {cacheControl}, "X-Upsert": {"true"},
		},
		body: func(ctx context.Context) (io.ReadCloser, int64, error) {
			r, err := source.open(ctx)
			if err != nil {
				return nil, 0, err
			}
			exact := storage.Exactly(ctx, r, size)
			if size == 0 { // net/http would send a body of length 0 as one of unknown length
				_, err = io.Copy(io.Discard, exact)
				return http.NoBody, 0, errors.Join(err, r.Close())
			}
			return struct {
				io.Reader
				io.Closer
			}{exact, r}, size, nil
		},
		once: source.seeker == nil,
	}
	return c.do(ctx, k, func(res *http.Response) error {
		_, err := readAll(res)
		return err
	})
}

// source gives the body to one try at a time. The transport may go on reading after a try has failed, until it closes the
// body; only then is the body rewound for the next try.
type source struct {
	body   io.Reader
	seeker io.Seeker // nil: the body can be read only once
	start  int64
	lent   chan struct{} // full while a try has the body
}

func newSource(body io.Reader) *source {
	s := &source{body: body, lent: make(chan struct{}, 1)}
	if seeker, ok := body.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // fails for a pipe, which is an *os.File too
			s.seeker, s.start = seeker, start
		}
	}
	return s
}

// open waits for the body until ctx, the try's, ends.
func (s *source) open(ctx context.Context) (io.ReadCloser, error) {
	select {
	case s.lent <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	giveBack := sync.OnceFunc(func() { <-s.lent })
	if s.seeker != nil {
		if _, err := s.seeker.Seek(s.start, io.SeekStart); err != nil {
			giveBack()
			return nil, fmt.Errorf("%w: %w", storage.ErrBody, err)
		}
	}
	return &lent{Reader: s.body, giveBack: giveBack}, nil
}

type lent struct {
	io.Reader
	giveBack func()
}

// Close implements io.Closer.
func (l *lent) Close() error {
	l.giveBack()
	return nil
}

// Open implements storage.Store.
func (c *Client) Open(ctx context.Context, object storage.Object) (io.ReadCloser, storage.Info, error) {
	if err := object.Validate(); err != nil {
		return nil, storage.Info{}, err
	}
	var (
		body io.ReadCloser
		info storage.Info
	)
	k := call{
		doing: "open " + name(object), method: http.MethodGet, timeout: c.transfer,
		path: "/object/authenticated/" + name(object),
	}
	err := c.do(ctx, k, func(res *http.Response) error {
		if res.ContentLength < 0 {
			return errors.Join(errUnexpected, res.Body.Close())
		}
		modified, _ := http.ParseTime(res.Header.Get("Last-Modified")) // zero where a proxy dropped it
		body = res.Body
		info = storage.Info{
			Size: res.ContentLength, ContentType: res.Header.Get("Content-Type"), ETag: res.Header.Get("ETag"),
			Modified: modified,
		}
		return nil
	})
	return body, info, err
}

// Head implements storage.Store. It gets the object's description, since an answer to HTTP HEAD has no body, hence no error
// code.
func (c *Client) Head(ctx context.Context, object storage.Object) (storage.Info, error) {
	if err := object.Validate(); err != nil {
		return storage.Info{}, err
	}
	var info struct {
		Size         int64     `json:"size"`
		ContentType  string    `json:"content_type"`
		ETag         string    `json:"etag"`
		LastModified time.Time `json:"last_modified"`
	}
	err := c.json(ctx, "head "+name(object), http.MethodGet, "/object/info/"+name(object), nil, &info)
	return storage.Info{
		Size: info.Size, ContentType: info.ContentType, ETag: info.ETag, Modified: info.LastModified,
	}, err
}

// Remove implements storage.Store. It is not atomic beyond 500 paths.
func (c *Client) Remove(ctx context.Context, bucket string, paths ...string) error {
	if err := validateAll(bucket, paths); err != nil {
		return err
	}
	for batch := range slices.Chunk(paths, maxBatch) {
		in := map[string]any{"prefixes": batch}
		if err := c.json(ctx, "remove from "+bucket, http.MethodDelete, "/object/"+bucket, in, nil); err != nil {
			return err
		}
	}
	return nil
}

// Move implements storage.Store. The server moves objects between buckets too, in one transaction.
func (c *Client) Move(ctx context.Context, from, to storage.Object) error {
	if err := errors.Join(from.Validate(), to.Validate()); err != nil {
		return err
	}
	if from == to {
		_, err := c.Head(ctx, from)
		return err
	}
	in := map[string]string{
		"bucketId": from.Bucket, "sourceKey": from.Path, "destinationBucket": to.Bucket, "destinationKey": to.Path,
	}
	err := c.json(ctx, "move "+name(from)+" to "+name(to), http.MethodPost, "/object/move", in, nil)
	if errors.Is(err, storage.ErrMissing) {
		_, err = c.Head(ctx, to) // moved already, by an earlier call or by a try whose answer was lost
	}
	return err
}

func validateAll(bucket string, paths []string) error {
	if err := storage.ValidateBucket(bucket); err != nil {
		return err
	}
	for _, p := range paths {
		if err := (storage.Object{Bucket: bucket, Path: p}).Validate(); err != nil {
			return err
		}
	}
	return nil
}

func name(o storage.Object) string { return o.Bucket + "/" + o.Path }
