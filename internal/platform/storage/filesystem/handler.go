package filesystem

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// The errors of the handler. A signed URL is a credential: a request with a forged, altered or expired one is unauthenticated.
var (
	errBadURL = apperr.New(apperr.Unauthenticated, apperr.CodeUnauthenticated,
		"This link was not signed by us, was altered, or has expired.")
	errMethod = apperr.New(apperr.MethodNotAllowed, apperr.CodeMethodNotAllowed, "An object is read or uploaded.")
	errSize   = apperr.New(apperr.Invalid, apperr.CodeValidationFailed,
		"Content-Length must be the size that was announced for this upload.")
	errBody = apperr.New(apperr.Invalid, apperr.CodeValidationFailed, "The body broke off.")
	errType = apperr.New(apperr.UnsupportedMediaType, apperr.CodeUnsupportedMediaType,
		"Content-Type must be the one that was announced for this upload, and one that the bucket takes.")
	errExists = apperr.New(apperr.Conflict, apperr.CodeVersionConflict, "This upload has been made already.")
	errRange  = apperr.New(apperr.Invalid, apperr.CodeValidationFailed, "The object has no such range of bytes.")
)

// ServeHTTP serves the URLs that the Store signs. It is mounted at the path of Config.BaseURL, and strips that path itself.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cors(w, r) {
		return
	}
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	// A document opened from here must have no more rights than one of a foreign origin.
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; sandbox")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin") // the signature protects it, so any page may show it

	var err error
	switch g, ok := s.granted(r); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPut:
		header.Set("Allow", "GET, HEAD, PUT, OPTIONS")
		err = errMethod
	case !ok:
		header.Set("WWW-Authenticate", `SignedURL realm="storage"`)
		err = errBadURL
	case r.Method == http.MethodPut:
		err = s.upload(w, r, g)
	default:
		err = s.download(w, r, g)
	}
	if err != nil {
		s.refuse(w, r, err)
	}
}

// download answers as a CDN would: with Range, If-Range, If-None-Match and If-Modified-Since (RFC 9110, 13 and 14).
func (s *Store) download(w http.ResponseWriter, r *http.Request, g grant) error {
	found, err := s.open(g.object)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }() // read only: nothing is lost
	header := w.Header()
	header.Set("Content-Type", found.info.ContentType)
	header.Set("ETag", found.info.ETag)
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(g.object.Path)}))
	seconds := int64(g.expires.Sub(s.now()) / time.Second)
	header.Set("Cache-Control", "private, max-age="+strconv.FormatInt(seconds, 10)) // no longer than the URL is valid
	if r.Header.Get("Range") != "" {
		w = &rangeWriter{ResponseWriter: w}
	}
	http.ServeContent(w, r, "", found.info.Modified, found)
	return nil
}

// DefaultUploadTime is how long a client has to send an object where Config says nothing: minutes, as with Supabase, which is
// enough for 10 MB at 35 kB/s. The server's own time is for requests that are small.
const DefaultUploadTime = 5 * time.Minute

// answerTime is how long the answer to an upload may take.
const answerTime = 30 * time.Second

// upload stores an object that does not exist yet. It checks Content-Length before it reads, and net/http reads no byte beyond
// that. The end of the request's context is not heeded: it says no more than that the client sends nothing behind the body.
func (s *Store) upload(w http.ResponseWriter, r *http.Request, g grant) error {
	contentType, err := mediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || contentType != g.contentType:
		return errType
	case r.ContentLength > g.size:
		return apperr.ErrTooLarge
	case r.ContentLength != g.size:
		return errSize
	}
	if _, err = s.Head(r.Context(), g.object); err == nil {
		return errExists // before the body is read; a race is settled by the link in write
	}
	// A writer without deadlines is a test's, and needs none.
	rc, until := http.NewResponseController(w), time.Now().Add(s.uploadTime)
	_ = errors.Join(rc.SetReadDeadline(until), rc.SetWriteDeadline(until.Add(answerTime)))
	err = s.write(context.WithoutCancel(r.Context()), g.object, g.contentType, r.Body, g.size, s.root.Link)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"Key": file(g.object)}) // as Supabase answers; the upload is done
	return nil
}

// cors allows pages of the configured origins, and answers preflight requests. It reports whether it has answered.
func (s *Store) cors(w http.ResponseWriter, r *http.Request) bool {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	allowed := origin != "" && slices.Contains(s.origins, origin)
	if allowed {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "ETag, Content-Length, Content-Range, Accept-Ranges")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	if allowed {
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT")
		header.Set("Access-Control-Allow-Headers", "Content-Type, Range, If-None-Match, If-Range")
		header.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// refuse answers with the contract's error envelope. It logs only faults of the disk.
func (s *Store) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := apperr.From(err)
	switch {
	case errors.Is(err, storage.ErrMissing), errors.Is(err, storage.ErrNoBucket), errors.Is(err, storage.ErrInvalidName):
		problem = apperr.ErrNotFound
	case errors.Is(err, storage.ErrExists):
		problem = errExists
	case errors.Is(err, storage.ErrTooLarge):
		problem = apperr.ErrTooLarge
	case errors.Is(err, storage.ErrUnsupportedType):
		problem = errType
	case errors.Is(err, os.ErrDeadlineExceeded): // of the connection; the disk has none
		problem = apperr.ErrTimeout
		w.Header().Set("Connection", "close")
	case errors.Is(err, storage.ErrBody):
		problem = errBody
	case errors.Is(err, storage.ErrUnavailable):
		problem = apperr.ErrUnavailable
		w.Header().Set("Retry-After", "5")
	}
	status := map[apperr.Kind]int{
		apperr.Invalid: http.StatusBadRequest, apperr.Unauthenticated: http.StatusUnauthorized,
		apperr.NotFound: http.StatusNotFound, apperr.MethodNotAllowed: http.StatusMethodNotAllowed,
		apperr.Conflict: http.StatusConflict, apperr.TooLarge: http.StatusRequestEntityTooLarge,
		apperr.Timeout: http.StatusRequestTimeout, apperr.UnsupportedMediaType: http.StatusUnsupportedMediaType, apperr.Unavailable: http.StatusServiceUnavailable,
	}[problem.Kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "storage: serve a signed URL", "method", r.Method, "error", err)
	}
	writeProblem(w, status, problem)
}

func writeProblem(w http.ResponseWriter, status int, problem *apperr.Error) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"error": map[string]any{"code": problem.Code, "message": problem.Message},
	})
}

// rangeWriter replaces the text with which http.ServeContent refuses a range by the contract's error envelope.
type rangeWriter struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (w *rangeWriter) WriteHeader(status int) {
	w.refused = status == http.StatusRequestedRangeNotSatisfiable
	if w.refused {
		w.Header().Del("Content-Length")
		writeProblem(w.ResponseWriter, status, errRange)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}
