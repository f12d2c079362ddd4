// Package storage defines how pictures are stored in buckets: the interface [Store], its errors and the names of objects.
// Package supabase implements it for production, package filesystem for development; package storagetest is the suite of
// tests that both pass.
//
// Every object is private. Clients reach an object only through a signed URL that a Store gives them. They upload straight to
// the storage, and the API process checks the object afterwards, so that uploads don't pass through it.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// The errors of a [Store], for [errors.Is]. Any other error of a Store is a defect, or the error of the caller's context, which
// is returned as it is.
var (
	// ErrMissing means that the object does not exist.
	ErrMissing = errors.New("storage: no such object")
	// ErrNoBucket means that the bucket was never created, or that the key may not access it. It is a fault of the
	// deployment, and never means that an object is missing.
	ErrNoBucket = errors.New("storage: no such bucket")
	// ErrExists means that there is an object which the call may not replace.
	ErrExists = errors.New("storage: object exists")
	// ErrForbidden means that the storage refuses the key of this process.
	ErrForbidden = errors.New("storage: forbidden")
	// ErrTooLarge means that the object is over the bucket's limit.
	ErrTooLarge = errors.New("storage: object too large")
	// ErrUnsupportedType means that the bucket does not accept the content type.
	ErrUnsupportedType = errors.New("storage: unsupported content type")
	// ErrInvalidName means that a bucket or path is malformed; see [Object].
	ErrInvalidName = errors.New("storage: invalid name")
	// ErrBody means that reading the body given to Put failed, or that its size is not the one announced.
	ErrBody = errors.New("storage: unusable body")
	// ErrUnavailable means that the storage did not answer, or can't at present: the same call may succeed later.
	ErrUnavailable = errors.New("storage: unavailable")
)

// Object is the name of an object. Bucket has 1 to 63 characters of a-z, 0-9, _ and -, and starts with a letter. Path has at
// most 512 bytes: segments of 1 to 128 characters of A-Z, a-z, 0-9, ., _ and -, none of which starts with a dot, separated
// by slashes. The set is small so that a name is the same on a disk, in a URL and in an HMAC, and can't lead out of its
// bucket.
type Object struct{ Bucket, Path string }

// Info describes a stored object.
type Info struct {
	Size        int64 // bytes
	ContentType string
	ETag        string // a strong validator of the content, quoted as in HTTP (RFC 9110, 8.8.3)
	Modified    time.Time
}

// Entry is one object of a Page.
type Entry struct {
	Path     string
	Size     int64 // bytes
	Modified time.Time
}

// Page is a part of a listing. Next is the cursor for the next page; empty: this is the last one.
type Page struct {
	Entries []Entry
	Next    string
}

// UploadPolicy says what a signed upload is meant for. A Store enforces as much of it as it can: filesystem all three fields,
// Supabase only the bucket's limits and an expiry of its own. So the caller checks the object after the upload.
type UploadPolicy struct {
	ContentType string
	Size        int64 // exact bytes announced, at least 1
	Expires     time.Duration
}

// SignedUpload is a request that a client sends once, with exactly this method, URL and headers, and the object's bytes as
// body. The URL is a secret until it has expired: at Supabase an upload that begins before another has ended, or after the
// object was removed, replaces the object. So what was uploaded is copied elsewhere once it was checked.
type SignedUpload struct {
	Method    string
	URL       string
	Headers   map[string]string
	ExpiresAt time.Time
}

// SignedURL allows every client that knows it to read one object until ExpiresAt. It is a secret.
type SignedURL struct {
	URL       string
	ExpiresAt time.Time
}

// Bucket is a set of objects, with limits for each object.
type Bucket struct {
	Name         string
	MaxBytes     int64    // of one object; 0: no limit
	ContentTypes []string // nil: any
}

// MaxPage is the largest number of entries that [Store.List] returns at once.
const MaxPage = 1000

// Store stores objects in buckets. Each method validates the names that it is given ([ErrInvalidName]), may return
// [ErrUnavailable], and stops when ctx ends. A Store is safe for concurrent use.
type Store interface {
	// Put stores exactly size bytes of body as a whole, and replaces the object that had the name. It fails with
	// ErrNoBucket, ErrTooLarge, ErrUnsupportedType, ErrForbidden or ErrBody. After a temporary fault it sends a body that is
	// an io.Seeker again; other bodies are sent once.
	Put(ctx context.Context, object Object, contentType string, body io.Reader, size int64) error

	// Open opens an object for reading, or fails with ErrMissing. The caller closes the reader. Its reads fail with
	// ErrUnavailable when the connection to the storage breaks, and when ctx ends.
	Open(ctx context.Context, object Object) (io.ReadCloser, Info, error)

	// Head returns the description of an object, or fails with ErrMissing.
	Head(ctx context.Context, object Object) (Info, error)

	// Remove deletes objects. Missing objects are no error.
	Remove(ctx context.Context, bucket string, paths ...string) error

	// Move renames an object, even into another bucket, whose limits it does not check. It fails with ErrMissing, or with
	// ErrExists when another object has the new name. Where the object was moved already, so that only the new name exists,
	// Move succeeds: a move may be repeated after a crash.
	Move(ctx context.Context, from, to Object) error

	// List returns at most limit (1 to MaxPage) objects whose paths start with prefix. cursor is the Next of the page before,
	// or empty for the first page. The order is the Store's own, and the same in every call. Objects with malformed names
	// are left out, so a page may be short or empty although Next continues.
	List(ctx context.Context, bucket, prefix, cursor string, limit int) (Page, error)

	// SignUpload allows a client to upload an object that does not exist yet. It fails with ErrExists or ErrForbidden.
	SignUpload(ctx context.Context, object Object, policy UploadPolicy) (SignedUpload, error)

	// SignDownloads allows clients to read objects for ttl, in whole seconds and at least one. Browsers are told to save what
	// they are led to (Content-Disposition), under the last segment of its path; a page may show it all the same. The answer has the order of
	// paths; a missing object has an empty URL.
	SignDownloads(ctx context.Context, bucket string, paths []string, ttl time.Duration) ([]SignedURL, error)

	// EnsureBuckets creates missing buckets, as private ones, and sets the limits of the others.
	EnsureBuckets(ctx context.Context, buckets []Bucket) error

	// Ping returns nil when the storage answers to the key of this process and has been set up, and ErrNoBucket when it has
	// not been set up.
	Ping(ctx context.Context) error
}

// The buckets of the product.
const (
	BucketProfilePhotos = "profile_photos"
	BucketUserAssets    = "user_assets"
	BucketRenders       = "renders"
)

// Buckets returns the buckets of the product. Uploads are limited as the API's contract says. Renders are pictures that the
// workers store, with a limit that only stops a provider that sends far too much: it is above a 4K picture's 33 MB in the
// worst encoding, and below the 50 MB to which Supabase limits an upload by default
// (supabase.com/docs/guides/storage/uploads/file-limits).
func Buckets() []Bucket {
	const mib = 1 << 20
	types := []string{"image/jpeg", "image/png", "image/webp"}
	return []Bucket{
		{Name: BucketProfilePhotos, MaxBytes: 8 * mib, ContentTypes: types},
		{Name: BucketUserAssets, MaxBytes: 8 * mib, ContentTypes: types},
		{Name: BucketRenders, MaxBytes: 48 * mib, ContentTypes: types},
	}
}
