// Package storage keeps the product's pictures in buckets, behind one interface: package supabase is what production
// uses, package filesystem what a developer's machine uses, and package storagetest is the suite that holds the two to
// the same promises.
//
// Every object is private. Clients reach one only through a URL that this package signs: they upload straight to the
// storage, and what arrived is checked afterwards, so that no picture passes through the API process on its way in.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// The failures of a Store, for errors.Is. Anything else that a Store returns is a defect, or the end of the caller's
// context, which is returned as it is.
var (
	// ErrMissing says that there is no such object.
	ErrMissing = errors.New("storage: no such object")
	// ErrNoBucket says that the bucket was never made, or that the key may not see it. It is a fault of the
	// deployment and never means that an object is gone.
	ErrNoBucket = errors.New("storage: no such bucket")
	// ErrExists says that an object stands where the call may not replace one.
	ErrExists = errors.New("storage: object exists")
	// ErrForbidden says that the storage refuses the key it was given.
	ErrForbidden = errors.New("storage: forbidden")
	// ErrTooLarge says that the object is over the bucket's limit.
	ErrTooLarge = errors.New("storage: object too large")
	// ErrUnsupportedType says that the bucket does not take the content type.
	ErrUnsupportedType = errors.New("storage: unsupported content type")
	// ErrInvalidName says that a bucket or path is not one that this product makes; see Object.
	ErrInvalidName = errors.New("storage: invalid name")
	// ErrBody says that the body given to Put failed, or is not of the size announced.
	ErrBody = errors.New("storage: unusable body")
	// ErrUnavailable says that the storage did not answer, or answered that it can't now: the same call may succeed
	// later.
	ErrUnavailable = errors.New("storage: unavailable")
)

// Object names an object. Bucket is 1 to 63 of a-z, 0-9, _ and -, and starts with a letter. Path is at most 512 bytes
// long: segments of 1 to 128 of A-Z, a-z, 0-9, ., _ and -, none of which starts with a dot, with a slash between. The
// set is narrow so that a name means the same on a disk, in a URL and in an HMAC, and can't climb out of its bucket.
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

// Page is a part of a listing. Next continues it; empty: there is nothing more.
type Page struct {
	Entries []Entry
	Next    string
}

// UploadPolicy is what a signed upload is meant for. A Store binds the URL to it as tightly as it can: filesystem to all
// three, Supabase to the bucket's limits and to an expiry of its own. So what was uploaded is checked after the upload.
type UploadPolicy struct {
	ContentType string
	Size        int64 // exact bytes announced, at least 1
	Expires     time.Duration
}

// SignedUpload is a request that a client sends by itself, once, with exactly this method, URL and these headers, and the
// object's bytes as body. The URL is a secret until it is spent.
type SignedUpload struct {
	Method    string
	URL       string
	Headers   map[string]string
	ExpiresAt time.Time
}

// SignedURL lets whoever knows it read one object until ExpiresAt. It is a secret.
type SignedURL struct {
	URL       string
	ExpiresAt time.Time
}

// Bucket is a folder of objects with limits on what may lie in it.
type Bucket struct {
	Name         string
	MaxBytes     int64    // of one object; 0: no limit
	ContentTypes []string // nil: any
}

// MaxPage is the most entries that List returns at once.
const MaxPage = 1000

// Store is a bucket storage. Each method validates the names it is given (ErrInvalidName), may return ErrUnavailable, and
// stops when ctx ends. It is safe for concurrent use.
type Store interface {
	// Put stores exactly size bytes of body, in place of what was there, and all of them or none. It fails with
	// ErrNoBucket, ErrTooLarge, ErrUnsupportedType, ErrForbidden or ErrBody. A body that is an io.Seeker is sent again
	// after a passing fault; another is sent once.
	Put(ctx context.Context, object Object, contentType string, body io.Reader, size int64) error

	// Open reads an object, or fails with ErrMissing. The caller closes the reader, whose reads fail with
	// ErrUnavailable when the storage breaks off. It ends with ctx.
	Open(ctx context.Context, object Object) (io.ReadCloser, Info, error)

	// Head describes an object, or fails with ErrMissing.
	Head(ctx context.Context, object Object) (Info, error)

	// Remove deletes objects; missing ones are no error.
	Remove(ctx context.Context, bucket string, paths ...string) error

	// Move renames an object, also into another bucket, whose limits it does not check. It fails with ErrMissing, or
	// with ErrExists when another object has the new name. Moving what has been moved already, so that only the new
	// name exists, succeeds: a move may be repeated after a crash.
	Move(ctx context.Context, from, to Object) error

	// List returns at most limit (1 to MaxPage) objects whose paths start with prefix, after the cursor that an earlier
	// Page gave; an empty cursor starts. The order is the Store's own, and the same in every call. An object whose name
	// this product can't have made is left out, so that a page may be short while Next goes on.
	List(ctx context.Context, bucket, prefix, cursor string, limit int) (Page, error)

	// SignUpload lets a client upload an object that does not exist yet; it fails with ErrExists or ErrForbidden.
	SignUpload(ctx context.Context, object Object, policy UploadPolicy) (SignedUpload, error)

	// SignDownloads lets clients read objects for ttl, counted in whole seconds and at least one. The answer has the
	// order of paths; a missing object has an empty URL.
	SignDownloads(ctx context.Context, bucket string, paths []string, ttl time.Duration) ([]SignedURL, error)

	// EnsureBuckets makes the buckets that are not there, private, and gives the others these limits.
	EnsureBuckets(ctx context.Context, buckets []Bucket) error

	// Ping tells whether the storage answers to our key and has been set up; ErrNoBucket when it has not.
	Ping(ctx context.Context) error
}

// The buckets of the product.
const (
	BucketProfilePhotos = "profile_photos"
	BucketUserAssets    = "user_assets"
	BucketRenders       = "renders"
)

// Buckets lists the buckets of the product. Uploads are limited as the contract says; a render is our own picture, and
// its limit only guards against a runaway provider: it is above a 4K picture's 33 MB in the worst encoding, and below the
// 50 MB at which Supabase caps an upload unless told otherwise (supabase.com/docs/guides/storage/uploads/file-limits).
func Buckets() []Bucket {
	const mib = 1 << 20
	types := []string{"image/jpeg", "image/png", "image/webp"}
	return []Bucket{
		{Name: BucketProfilePhotos, MaxBytes: 8 * mib, ContentTypes: types},
		{Name: BucketUserAssets, MaxBytes: 8 * mib, ContentTypes: types},
		{Name: BucketRenders, MaxBytes: 48 * mib, ContentTypes: types},
	}
}
