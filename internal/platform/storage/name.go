package storage

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

const maxPath = 512 // bytes; the limit of a segment keeps it below the 255 bytes that file systems allow for a name

var (
	bucketPattern  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	segmentPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)
)

// ObjectName returns the path of a user's picture in its bucket: {user_id}/{asset_type}/{uuid}_{timestamp}.{ext}, with at in
// UTC to the second. An unknown content type gets the extension bin.
func ObjectName(userID uuid.UUID, assetType string, id uuid.UUID, at time.Time, contentType string) string {
	extension := map[string]string{"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}[contentType]
	if extension == "" {
		extension = "bin"
	}
	return fmt.Sprintf("%s/%s/%s_%s.%s", userID, assetType, id, at.UTC().Format("20060102T150405Z"), extension)
}

// Validate returns [ErrInvalidName] unless the bucket and the path are well formed. A [Store] calls it first.
func (o Object) Validate() error {
	if err := ValidateBucket(o.Bucket); err != nil {
		return err
	}
	return validatePath(o.Path)
}

// ValidateBucket returns [ErrInvalidName] unless name is a well-formed name of a bucket.
func ValidateBucket(name string) error {
	if !bucketPattern.MatchString(name) {
		return fmt.Errorf("bucket %q: %w", name, ErrInvalidName)
	}
	return nil
}

// ValidatePrefix returns [ErrInvalidName] unless a well-formed path can start with prefix.
func ValidatePrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return validatePath(strings.TrimSuffix(prefix, "/"))
}

func validatePath(p string) error {
	if len(p) > maxPath {
		return fmt.Errorf("path of %d bytes: %w", len(p), ErrInvalidName)
	}
	for segment := range strings.SplitSeq(p, "/") {
		if !segmentPattern.MatchString(segment) {
			return fmt.Errorf("path %q: %w", p, ErrInvalidName)
		}
	}
	return nil
}
