package supabasefake

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

type object struct {
	id           string
	version      string
	file         string
	size         int64
	contentType  string
	cacheControl string
	etag         string // quoted
	created      time.Time
	updated      time.Time
}

// listed is an object as lists show it.
type listed struct {
	Name      string         `json:"name"`
	ID        string         `json:"id"`
	UpdatedAt string         `json:"updated_at"`
	CreatedAt string         `json:"created_at"`
	Metadata  map[string]any `json:"metadata"`
}

func (o *object) row(path string) listed {
	return listed{
		Name: path, ID: o.id, UpdatedAt: stamp(o.updated), CreatedAt: stamp(o.created),
		Metadata: map[string]any{
			"eTag": o.etag, "size": o.size, "mimetype": o.contentType, "cacheControl": o.cacheControl,
			"lastModified": stamp(o.updated), "contentLength": o.size, "httpStatusCode": http.StatusOK,
		},
	}
}

func (s *Server) find(r *http.Request) (*object, problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[r.PathValue("bucket")]
	if b == nil {
		return nil, noSuchBucket
	}
	o := b.objects[r.PathValue("path")]
	if o == nil {
		return nil, noSuchKey
	}
	return o, problem{}
}

// upload is the upload with a key. POST makes an object, or replaces one if told so; PUT replaces.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	o, p := s.receive(r, r.Method == http.MethodPut || r.Header.Get("X-Upsert") == "true")
	if o == nil {
		refuse(w, p)
		return
	}
	answer(w, struct {
		Key string
		ID  string `json:"Id"`
	}{key(r), o.id})
}

// receive stores a request's body, whole or not at all. The declared type is believed, and the size only limited. As the
// real server does, it looks for an object of the name before it reads the body, and replaces whatever there is after it.
func (s *Server) receive(r *http.Request, replace bool) (*object, problem) {
	bucketName, path := r.PathValue("bucket"), r.PathValue("path")
	s.mu.Lock()
	b := s.buckets[bucketName]
	var limits rules
	exists := false
	if b != nil {
		limits, exists = b.rules, b.objects[path] != nil
	}
	s.mu.Unlock()
	if b == nil {
		return nil, noSuchBucket
	}
	body, contentType := payload(r)
	if exists && !replace {
		_, _ = io.Copy(io.Discard, body) // so that the client reads the answer instead of a reset
		return nil, duplicateKey
	}
	media, _, _ := mime.ParseMediaType(contentType)
	if limits.AllowedMimeTypes != nil && !slices.Contains(limits.AllowedMimeTypes, media) {
		_, _ = io.Copy(io.Discard, body) // so that the client reads the answer instead of a reset
		return nil, badType(contentType)
	}
	limit := s.cfg.MaxBytes
	if limits.FileSizeLimit != nil {
		limit = *limits.FileSizeLimit
	}
	o, p := s.save(body, limit)
	if o == nil {
		return nil, p
	}
	o.contentType, o.cacheControl = contentType, "no-cache"
	if sent := r.Header.Get("Cache-Control"); sent != "" {
		o.cacheControl = sent
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := b.objects[path]; old != nil {
		o.id, o.created = old.id, old.created // old.file stays for downloads that are under way
	}
	b.objects[path] = o
	return o, problem{}
}

// payload is the body, or the first file of a form.
func payload(r *http.Request) (body io.Reader, contentType string) {
	if form, err := r.MultipartReader(); err == nil {
		for {
			part, err := form.NextPart()
			if err != nil {
				return strings.NewReader(""), ""
			}
			if part.FileName() != "" {
				return part, part.Header.Get("Content-Type")
			}
		}
	}
	return r.Body, r.Header.Get("Content-Type")
}

func (s *Server) save(body io.Reader, limit int64) (*object, problem) {
	file, err := s.temp()
	if err != nil {
		return nil, brokenBody
	}
	digest := md5.New()
	size, err := io.Copy(io.MultiWriter(file, digest), io.LimitReader(body, limit+1))
	err = errors.Join(err, file.Close())
	if err == nil && size <= limit {
		return &object{
			id: uuid.NewString(), version: uuid.NewString(), file: file.Name(), size: size,
			etag: `"` + hex.EncodeToString(digest.Sum(nil)) + `"`, created: s.cfg.Now(), updated: s.cfg.Now(),
		}, problem{}
	}
	_ = os.Remove(file.Name()) // the folder goes with the test anyway
	if err != nil {
		return nil, brokenBody
	}
	_, _ = io.Copy(io.Discard, body) // so that the client reads the answer instead of a reset
	return nil, tooLarge
}

// download is the read with a key. Without one the route looks for a public bucket.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	switch s.role(r) {
	case noRole:
		refuse(w, noSuchBucket)
	case anon:
		refuse(w, noSuchKey)
	default:
		s.send(w, r, true)
	}
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, cacheControl bool) {
	o, p := s.find(r)
	if o == nil {
		refuse(w, p)
		return
	}
	file, err := os.Open(o.file)
	if err != nil {
		refuse(w, noSuchKey)
		return
	}
	defer func() { _ = file.Close() }() // read only
	header := w.Header()
	header.Set("Content-Type", o.contentType)
	header.Set("ETag", o.etag)
	header.Set("X-Robots-Tag", "none")
	if cacheControl {
		header.Set("Cache-Control", o.cacheControl)
	}
	http.ServeContent(w, r, "", o.updated, file)
}

func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	o, p := s.find(r)
	if o == nil {
		refuse(w, p)
		return
	}
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", o.updated.UTC().Format(http.TimeFormat))
	answer(w, struct {
		ID           string         `json:"id"`
		Name         string         `json:"name"`
		Version      string         `json:"version"`
		BucketID     string         `json:"bucket_id"`
		Size         int64          `json:"size"`
		ContentType  string         `json:"content_type"`
		CacheControl string         `json:"cache_control"`
		ETag         string         `json:"etag"`
		Metadata     map[string]any `json:"metadata"`
		LastModified string         `json:"last_modified"`
		CreatedAt    string         `json:"created_at"`
	}{
		o.id, r.PathValue("path"), o.version, r.PathValue("bucket"), o.size, o.contentType, o.cacheControl, o.etag,
		map[string]any{},
		stamp(o.updated), stamp(o.created),
	})
}

func (s *Server) removeOne(w http.ResponseWriter, r *http.Request) {
	if o, p := s.find(r); o == nil {
		refuse(w, p)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[r.PathValue("bucket")].objects, r.PathValue("path"))
	answer(w, map[string]string{"message": "Successfully deleted"})
}

func (s *Server) removeMany(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Prefixes []string `json:"prefixes"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if len(in.Prefixes) == 0 || len(in.Prefixes) > 1000 {
		refuse(w, problem{400, "InvalidRequest", "1 to 1000 objects per request", "InvalidRequest"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	removed := []listed{}
	if b := s.buckets[r.PathValue("bucket")]; b != nil {
		for _, path := range in.Prefixes {
			if o := b.objects[path]; o != nil {
				removed = append(removed, o.row(path))
				delete(b.objects, path)
			}
		}
	}
	answer(w, removed)
}

func (s *Server) move(w http.ResponseWriter, r *http.Request) {
	var in struct {
		BucketID          string `json:"bucketId"`
		SourceKey         string `json:"sourceKey"`
		DestinationBucket string `json:"destinationBucket"`
		DestinationKey    string `json:"destinationKey"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.DestinationBucket == "" {
		in.DestinationBucket = in.BucketID
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := s.buckets[in.BucketID], s.buckets[in.DestinationBucket]
	switch {
	case from == nil || to == nil:
		refuse(w, noSuchBucket)
	case from.objects[in.SourceKey] == nil:
		refuse(w, noSuchKey)
	case to.objects[in.DestinationKey] != nil:
		refuse(w, duplicateKey)
	default:
		moved := *from.objects[in.SourceKey]
		moved.version, moved.updated = uuid.NewString(), s.cfg.Now()
		delete(from.objects, in.SourceKey)
		to.objects[in.DestinationKey] = &moved
		answer(w, map[string]string{"message": "Successfully moved"})
	}
}

func key(r *http.Request) string { return r.PathValue("bucket") + "/" + r.PathValue("path") }
