package supabase

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	pathpkg "path"
	"slices"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// SignUpload implements storage.Store. The server takes neither a size nor an expiry. ExpiresAt is the policy's expiry or that
// of the server's token, whichever comes first; the server enforces only that of its token.
func (c *Client) SignUpload(ctx context.Context, object storage.Object, policy storage.UploadPolicy,
) (storage.SignedUpload, error) {
	if err := object.Validate(); err != nil {
		return storage.SignedUpload{}, err
	}
	path := "/object/upload/sign/" + name(object)
	expires := c.now().Add(policy.Expires)
	var out struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}
	doing := "sign an upload to " + name(object)
	if err := c.json(ctx, doing, http.MethodPost, path, nil, &out); err != nil {
		return storage.SignedUpload{}, err
	}
	signed, err := c.absolute(doing, out.URL, path)
	if err != nil {
		return storage.SignedUpload{}, err
	}
	if own := expiry(out.Token); !own.IsZero() && own.Before(expires) {
		expires = own
	}
	return storage.SignedUpload{
		Method: http.MethodPut, URL: signed, ExpiresAt: expires,
		Headers: map[string]string{"Content-Type": policy.ContentType},
	}, nil
}

// SignDownloads implements storage.Store.
func (c *Client) SignDownloads(ctx context.Context, bucket string, paths []string, ttl time.Duration,
) ([]storage.SignedURL, error) {
	if err := validateAll(bucket, paths); err != nil {
		return nil, err
	}
	ttl = max(ttl, time.Second).Truncate(time.Second)
	expires := c.now().Add(ttl)
	signed := make([]storage.SignedURL, 0, len(paths))
	for batch := range slices.Chunk(paths, maxBatch) {
		in := map[string]any{"expiresIn": int64(ttl / time.Second), "paths": batch}
		var out []struct {
			Path      string `json:"path"`
			SignedURL string `json:"signedURL"` // null: missing
		}
		doing := "sign downloads from " + bucket
		if err := c.json(ctx, doing, http.MethodPost, "/object/sign/"+bucket, in, &out); err != nil {
			return nil, err
		}
		urls := make(map[string]string, len(out))
		for _, item := range out {
			urls[item.Path] = item.SignedURL
		}
		for _, p := range batch {
			relative, ok := urls[p]
			if relative == "" && ok {
				signed = append(signed, storage.SignedURL{})
				continue
			}
			u, err := c.absolute(doing, relative, "/object/sign/"+bucket+"/"+p)
			if err != nil {
				return nil, err
			}
			// Not covered by the signature: it only has the server name the file, as a download and no page.
			u += "&download=" + url.QueryEscape(pathpkg.Base(p))
			signed = append(signed, storage.SignedURL{URL: u, ExpiresAt: expires})
		}
	}
	return signed, nil
}

// absolute makes a URL for clients of the server's relative one, and fails unless that is for the object that was asked for.
func (c *Client) absolute(doing, relative, path string) (string, error) {
	if !strings.HasPrefix(relative, path+"?token=") {
		return "", &failure{doing: doing, kind: storage.ErrUnavailable, reason: errUnexpected.Error()}
	}
	return c.base + relative, nil
}

// expiry returns when a token expires; zero where the token does not say so. It does not verify the token, which the server
// does.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}
