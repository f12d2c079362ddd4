package supabase

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// EnsureBuckets implements storage.Store. It fails with storage.ErrTooLarge for a limit above that of the Supabase project.
func (c *Client) EnsureBuckets(ctx context.Context, buckets []storage.Bucket) error {
	for _, b := range buckets {
		if err := storage.ValidateBucket(b.Name); err != nil {
			return err
		}
		rules := map[string]any{
			"id": b.Name, "name": b.Name, "public": false, "file_size_limit": nil, "allowed_mime_types": b.ContentTypes,
		}
		if b.MaxBytes > 0 {
			rules["file_size_limit"] = b.MaxBytes
		}
		err := c.json(ctx, "create bucket "+b.Name, http.MethodPost, "/bucket", rules, nil)
		if errors.Is(err, storage.ErrExists) {
			delete(rules, "id")
			delete(rules, "name")
			err = c.json(ctx, "update bucket "+b.Name, http.MethodPut, "/bucket/"+b.Name, rules, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Ping implements storage.Store.
func (c *Client) Ping(ctx context.Context) error {
	return c.json(ctx, "ping", http.MethodGet, "/bucket/"+storage.BucketRenders, nil, nil)
}

// List implements storage.Store. It uses the second version of the server's listing, the only one that descends into folders.
func (c *Client) List(ctx context.Context, bucket, prefix, cursor string, limit int) (storage.Page, error) {
	if err := errors.Join(storage.ValidateBucket(bucket), storage.ValidatePrefix(prefix)); err != nil {
		return storage.Page{}, err
	}
	in := map[string]any{"prefix": prefix, "limit": min(max(limit, 1), storage.MaxPage), "with_delimiter": false}
	if cursor != "" {
		in["cursor"] = cursor
	}
	var out struct {
		HasNext    bool   `json:"hasNext"`
		NextCursor string `json:"nextCursor"`
		Objects    []struct {
			Name      string    `json:"name"`
			UpdatedAt time.Time `json:"updated_at"`
			Metadata  struct {
				Size int64 `json:"size"`
			} `json:"metadata"`
		} `json:"objects"`
	}
	if err := c.json(ctx, "list "+bucket, http.MethodPost, "/object/list-v2/"+bucket, in, &out); err != nil {
		return storage.Page{}, err
	}
	var page storage.Page
	if out.HasNext {
		page.Next = out.NextCursor
	}
	for _, o := range out.Objects {
		if (storage.Object{Bucket: bucket, Path: o.Name}).Validate() == nil {
			page.Entries = append(page.Entries, storage.Entry{Path: o.Name, Size: o.Metadata.Size, Modified: o.UpdatedAt})
		}
	}
	return page, nil
}
