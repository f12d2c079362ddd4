// Package falfake provides a fake of fal's queue and of its host of pictures, in the vendor's format. A test chooses a fault,
// and the stage of a request in which it occurs.
package falfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// Stage is the stage of a request in which a fault occurs.
type Stage string

// The stages.
const (
	Submit Stage = "submit"
	Status Stage = "status"
	Result Stage = "result"
	File   Stage = "file"
)

// Server is the fake. It accepts the key [providertest.Key]. Set the hooks before the first request.
type Server struct {
	URL string // of the queue
	// At is the stage in which the fault occurs; empty: the usual one of this fault.
	At Stage
	// Rewrite changes the answer to a submission, such as its addresses.
	Rewrite func(accepted map[string]any)
	// Completed is added to the last status of a request.
	Completed map[string]any
	// Output changes the model's output.
	Output func(output map[string]any)

	fault providertest.Fault
	good  int

	mu        sync.Mutex
	requests  []Request
	looks     map[string]int
	cancelled []string
}

// Request is a submission.
type Request struct {
	Endpoint      string      `json:"-"`
	Header        http.Header `json:"-"`
	Prompt        string      `json:"prompt"`
	ImageURLs     []string    `json:"image_urls"`
	NumImages     int         `json:"num_images"`
	MaxImages     int         `json:"max_images"`
	Seed          *int64      `json:"seed"`
	OutputFormat  string      `json:"output_format"`
	SafetyChecker bool        `json:"enable_safety_checker"`
	ImageSize     struct {
		Width  int `json:"width"`
		Height int `json:"height"`
	} `json:"image_size"`
}

// New starts a fake that lets its first good submissions succeed and injects fault into all later ones. It ends with t.
func New(t testing.TB, fault providertest.Fault, good int) *Server {
	t.Helper()
	s := &Server{fault: fault, good: good, looks: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Requests returns the valid submissions, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Cancelled returns the ids of the requests that were cancelled, in order.
func (s *Server) Cancelled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.cancelled)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if name, isFile := strings.CutPrefix(r.URL.Path, "/files/"); isFile {
		s.file(w, r, name)
		return
	}
	if r.Header.Get("Authorization") != "Key "+providertest.Key {
		machinery(w, http.StatusUnauthorized, "")
		return
	}
	path, what, isRequest := strings.Cut(strings.Trim(r.URL.Path, "/"), "/requests/")
	if !isRequest {
		s.submit(w, r, path)
		return
	}
	id, what, _ := strings.Cut(what, "/")
	switch {
	case r.Method == http.MethodGet && what == "status":
		s.status(w, r, id)
	case r.Method == http.MethodPut && what == "cancel":
		s.mu.Lock()
		s.cancelled = append(s.cancelled, id)
		s.mu.Unlock()
		write(w, http.StatusAccepted, map[string]any{"status": "CANCELLATION_REQUESTED"})
	case r.Method == http.MethodGet && what == "":
		s.result(w, r, id)
	default:
		machinery(w, http.StatusMethodNotAllowed, "")
	}
}

func (s *Server) submit(w http.ResponseWriter, r *http.Request, endpoint string) {
	var req Request
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&req); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" ||
		req.Prompt == "" || req.ImageSize.Width < 1 || req.ImageSize.Height < 1 || req.NumImages != 1 {
		model(w, http.StatusUnprocessableEntity, "value_error")
		return
	}
	req.Endpoint, req.Header = endpoint, r.Header.Clone()
	s.mu.Lock()
	s.requests = append(s.requests, req)
	n := len(s.requests)
	s.mu.Unlock()
	if s.strikes(w, r, Submit, n) {
		return
	}
	// Everything after the submission knows an endpoint by its first two parts alone.
	parts := strings.SplitN(endpoint, "/", 3)
	base := fmt.Sprintf("%s/%s/requests/req-%d", s.URL, strings.Join(parts[:min(2, len(parts))], "/"), n)
	accepted := map[string]any{
		"request_id": fmt.Sprintf("req-%d", n), "response_url": base, "status_url": base + "/status", "cancel_url": base + "/cancel",
		"status": "IN_QUEUE", "queue_position": 0,
	}
	if s.Rewrite != nil {
		s.Rewrite(accepted)
	}
	write(w, http.StatusOK, accepted)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	s.looks[id]++
	look := s.looks[id]
	s.mu.Unlock()
	if s.strikes(w, r, Status, number(id)) {
		return
	}
	switch look {
	case 1:
		write(w, http.StatusAccepted, map[string]any{"status": "IN_QUEUE", "queue_position": 0})
	case 2:
		write(w, http.StatusAccepted, map[string]any{"status": "IN_PROGRESS", "logs": []any{
			map[string]any{"message": providertest.BodySecret, "level": "INFO", "source": "USER", "timestamp": "2026-11-01T00:00:00Z"},
		}})
	default:
		body := map[string]any{"status": "COMPLETED", "logs": []any{}, "metrics": map[string]any{"inference_time": 3.7}}
		maps.Copy(body, s.Completed)
		write(w, http.StatusOK, body)
	}
}

func (s *Server) result(w http.ResponseWriter, r *http.Request, id string) {
	n := number(id)
	if s.strikes(w, r, Result, n) {
		return
	}
	s.mu.Lock()
	req := s.requests[n-1]
	s.mu.Unlock()
	size := req.ImageSize
	output := map[string]any{
		"images": []any{map[string]any{
			"url": fmt.Sprintf("%s/files/%s.png?signature=%s", s.URL, id, providertest.BodySecret), "width": size.Width, "height": size.Height,
			"content_type": "image/png",
		}},
		"seed": req.Seed, "has_nsfw_concepts": []bool{false}, "prompt": req.Prompt, "timings": map[string]any{"inference": 3.7},
	}
	if strings.Contains(req.Endpoint, "seedream") {
		output = map[string]any{"images": output["images"]}
	}
	if s.fault == providertest.BlockedAfter && n > s.good {
		output["has_nsfw_concepts"] = []bool{true}
	}
	if s.Output != nil {
		s.Output(output)
	}
	write(w, http.StatusOK, output)
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, name string) {
	if r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusTeapot) // the key went to a host that must not see it
		return
	}
	n := number(strings.TrimSuffix(name, ".png"))
	if s.strikes(w, r, File, n) {
		return
	}
	s.mu.Lock()
	size := s.requests[n-1].ImageSize
	s.mu.Unlock()
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(providertest.Drawing("png", size.Width, size.Height))
}

func number(id string) (n int) {
	_, _ = fmt.Sscanf(id, "req-%d", &n)
	return n
}
