package supabasefake

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

type bucket struct {
	rules   rules
	created time.Time
	updated time.Time
	objects map[string]*object
}

// rules are the part of a bucket that a client sets.
type rules struct {
	ID               string   `json:"id"`
	Name             string   `json:"name"`
	Owner            string   `json:"owner"`
	Public           bool     `json:"public"`
	FileSizeLimit    *int64   `json:"file_size_limit"`
	AllowedMimeTypes []string `json:"allowed_mime_types"`
}

func (s *Server) createBucket(w http.ResponseWriter, r *http.Request) {
	var in rules
	if !readJSON(w, r, &in) {
		return
	}
	if in.FileSizeLimit != nil && *in.FileSizeLimit > s.cfg.MaxBytes {
		refuse(w, tooLarge)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[in.Name] != nil {
		refuse(w, duplicate)
		return
	}
	s.buckets[in.Name] = &bucket{rules: in, created: s.cfg.Now(), updated: s.cfg.Now(), objects: map[string]*object{}}
	answer(w, map[string]string{"name": in.Name})
}

func (s *Server) updateBucket(w http.ResponseWriter, r *http.Request) {
	var in rules
	if !readJSON(w, r, &in) {
		return
	}
	if in.FileSizeLimit != nil && *in.FileSizeLimit > s.cfg.MaxBytes {
		refuse(w, tooLarge)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[r.PathValue("bucket")]
	if b == nil {
		refuse(w, noSuchBucket)
		return
	}
	b.rules.Public, b.rules.FileSizeLimit, b.rules.AllowedMimeTypes = in.Public, in.FileSizeLimit, in.AllowedMimeTypes
	b.updated = s.cfg.Now()
	answer(w, map[string]string{"message": "Successfully updated"})
}

func (s *Server) getBucket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[r.PathValue("bucket")]
	if b == nil {
		refuse(w, noSuchBucket)
		return
	}
	answer(w, struct {
		rules
		CreatedAt string `json:"created_at"`
		UpdatedAt string `json:"updated_at"`
	}{b.rules, stamp(b.created), stamp(b.updated)})
}

// list answers the second form of the listing, without a delimiter: whole paths in the order of their bytes.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Prefix string `json:"prefix"`
		Limit  int    `json:"limit"`
		Cursor string `json:"cursor"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	token, _ := base64.StdEncoding.DecodeString(in.Cursor)
	after := strings.TrimPrefix(string(token), "l:")
	limit := 1000
	if in.Limit > 0 {
		limit = min(in.Limit, limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct {
		HasNext    bool     `json:"hasNext"`
		NextCursor string   `json:"nextCursor,omitempty"`
		Folders    []any    `json:"folders"`
		Objects    []listed `json:"objects"`
	}{Folders: []any{}, Objects: []listed{}}
	b := s.buckets[r.PathValue("bucket")]
	if b == nil {
		answer(w, out)
		return
	}
	for _, path := range slices.Sorted(maps.Keys(b.objects)) {
		if path <= after || !strings.HasPrefix(path, in.Prefix) {
			continue
		}
		if len(out.Objects) == limit {
			out.HasNext = true
			out.NextCursor = base64.StdEncoding.EncodeToString([]byte("l:" + out.Objects[limit-1].Name))
			break
		}
		out.Objects = append(out.Objects, b.objects[path].row(path))
	}
	answer(w, out)
}

// stamp writes a time as the server does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
