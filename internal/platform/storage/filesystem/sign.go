package filesystem

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// grant is what a signed URL allows. contentType and size are those of an upload, and empty for a download.
type grant struct {
	method      string
	object      storage.Object
	contentType string
	size        int64
	expires     time.Time // whole seconds
}

// The names of a signed URL's parameters.
const (
	paramType      = "content_type"
	paramSize      = "size"
	paramExpires   = "expires"
	paramSignature = "signature"
)

// SignUpload implements storage.Store.
func (s *Store) SignUpload(ctx context.Context, object storage.Object, policy storage.UploadPolicy,
) (storage.SignedUpload, error) {
	_, err := s.Head(ctx, object)
	if err == nil {
		return storage.SignedUpload{}, fmt.Errorf("sign an upload to %s: %w", file(object), storage.ErrExists)
	}
	if !errors.Is(err, storage.ErrMissing) {
		return storage.SignedUpload{}, fmt.Errorf("sign an upload: %w", err)
	}
	contentType, err := mediaType(policy.ContentType)
	if err != nil {
		return storage.SignedUpload{}, fmt.Errorf("sign an upload to %s: %w", file(object), err)
	}
	g := grant{
		method: http.MethodPut, object: object, contentType: contentType, size: policy.Size,
		expires: s.now().Add(policy.Expires).Truncate(time.Second),
	}
	return storage.SignedUpload{
		Method: g.method, URL: s.url(g), ExpiresAt: g.expires,
		Headers: map[string]string{"Content-Type": contentType},
	}, nil
}

// SignDownloads implements storage.Store.
func (s *Store) SignDownloads(ctx context.Context, bucket string, paths []string, ttl time.Duration,
) ([]storage.SignedURL, error) {
	signed := make([]storage.SignedURL, len(paths))
	expires := s.now().Add(max(ttl, time.Second)).Truncate(time.Second)
	for i, p := range paths {
		g := grant{method: http.MethodGet, object: storage.Object{Bucket: bucket, Path: p}, expires: expires}
		_, err := s.Head(ctx, g.object)
		switch {
		case err == nil:
			signed[i] = storage.SignedURL{URL: s.url(g), ExpiresAt: expires}
		case !errors.Is(err, storage.ErrMissing):
			return nil, fmt.Errorf("sign downloads: %w", err)
		}
	}
	return signed, nil
}

// url returns the signed URL of a grant.
func (s *Store) url(g grant) string {
	query := url.Values{
		paramExpires:   {strconv.FormatInt(g.expires.Unix(), 10)},
		paramSignature: {base64.RawURLEncoding.EncodeToString(s.mac(g))},
	}
	if g.method == http.MethodPut {
		query.Set(paramType, g.contentType)
		query.Set(paramSize, strconv.FormatInt(g.size, 10))
	}
	u := s.base.JoinPath(g.object.Bucket, g.object.Path)
	u.RawQuery = query.Encode()
	return u.String()
}

// mac returns the signature of a grant. No field contains a line break, so different grants have different texts.
func (s *Store) mac(g grant) []byte {
	h := hmac.New(sha256.New, s.key)
	_, _ = fmt.Fprintf(h, "mugshot-storage-url/1\n%s\n%s\n%s\n%s\n%d\n%d", // a hash never fails to write
		g.method, g.object.Bucket, g.object.Path, g.contentType, g.size, g.expires.Unix())
	return h.Sum(nil)
}

// granted reads the grant of a request's URL, and reports whether this storage signed it and it has not expired. A grant for
// GET allows HEAD too.
func (s *Store) granted(r *http.Request) (grant, bool) {
	query := r.URL.Query()
	expires, errExpires := strconv.ParseInt(query.Get(paramExpires), 10, 64)
	signature, errSignature := base64.RawURLEncoding.DecodeString(query.Get(paramSignature))
	rest, under := strings.CutPrefix(r.URL.Path, s.base.Path+"/")
	bucket, p, _ := strings.Cut(rest, "/")
	g := grant{
		method: r.Method, object: storage.Object{Bucket: bucket, Path: p}, contentType: query.Get(paramType),
		expires: time.Unix(expires, 0),
	}
	var errSize error
	switch r.Method {
	case http.MethodHead:
		g.method = http.MethodGet
	case http.MethodPut:
		g.size, errSize = strconv.ParseInt(query.Get(paramSize), 10, 64)
	}
	wellFormed := under && errors.Join(errExpires, errSignature, errSize) == nil
	return g, wellFormed && hmac.Equal(signature, s.mac(g)) && s.now().Before(g.expires)
}
