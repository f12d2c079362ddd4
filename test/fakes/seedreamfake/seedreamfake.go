// Package seedreamfake provides a fake of the Ark image API in the vendor's format. A test chooses a fault and how many requests
// succeed before it.
package seedreamfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// Server is the fake. It accepts the key [providertest.Key].
type Server struct {
	URL string // the base URL

	fault providertest.Fault
	good  int

	mu       sync.Mutex
	requests []Request
}

// Request is a request to the vendor, with all members that the adapter may send.
type Request struct {
	Model          string   `json:"model"`
	Prompt         string   `json:"prompt"`
	Image          []string `json:"image"`
	Size           string   `json:"size"`
	ResponseFormat string   `json:"response_format"`
	Watermark      *bool    `json:"watermark"` // missing: the vendor draws one
	Sequential     string   `json:"sequential_image_generation"`
}

// New starts a fake that answers its first good requests with success and all later ones with fault. It ends with t.
func New(t testing.TB, fault providertest.Fault, good int) *Server {
	t.Helper()
	s := &Server{fault: fault, good: good}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/api/v3"
	return s
}

// Requests returns the valid requests, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+providertest.Key {
		refuse(w, http.StatusUnauthorized, "AuthenticationError")
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/api/v3/images/generations" || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusNotFound, "InvalidAction")
		return
	}
	var req Request
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&req); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidParameter")
		return
	}
	width, height, ok := legal(req)
	if !ok {
		refuse(w, http.StatusBadRequest, "InvalidParameter")
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, req)
	n := len(s.requests)
	s.mu.Unlock()
	fault := providertest.None
	if n > s.good {
		fault = s.fault
	}
	if fault.Serve(w, r) || fail(w, fault) {
		return
	}
	answer(w, req, providertest.Drawing("jpeg", width, height))
}

// legal checks a request against the limits of the vendor's documentation.
func legal(req Request) (width, height int, ok bool) {
	w, h, _ := strings.Cut(req.Size, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if errW != nil || errH != nil || req.Model == "" || req.Prompt == "" || req.ResponseFormat != "b64_json" || req.Watermark == nil {
		return 0, 0, false
	}
	least, most, references := 3_686_400, 16_777_216, 14
	switch {
	case strings.Contains(req.Model, "5-0-pro"):
		least, most, references = 921_600, 4_624_220, 10
	case strings.Contains(req.Model, "4-0"):
		least = 921_600
	}
	pro := strings.Contains(req.Model, "5-0-pro")
	if pro && req.Sequential != "" {
		return 0, 0, false
	}
	for _, image := range req.Image {
		head, data, _ := strings.Cut(image, ",")
		_, err := base64.StdEncoding.DecodeString(data)
		if err != nil || !slices.Contains([]string{"data:image/png;base64", "data:image/jpeg;base64", "data:image/webp;base64"}, head) {
			return 0, 0, false
		}
	}
	return width, height, width*height >= least && width*height <= most && len(req.Image) <= references
}

// fail answers with the faults for which this vendor has a format of its own.
func fail(w http.ResponseWriter, fault providertest.Fault) bool {
	switch fault {
	case providertest.TooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(providertest.RetryDelay.Seconds())))
		refuse(w, http.StatusTooManyRequests, "ModelAccountIpmRateLimitExceeded")
	case providertest.TooManyRequestsBare:
		refuse(w, http.StatusTooManyRequests, "RateLimitExceeded.EndpointRPMExceeded")
	case providertest.InternalError:
		refuse(w, http.StatusInternalServerError, "InternalServiceError")
	case providertest.Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html>"+providertest.BodySecret+"</html>")
	case providertest.BadKey:
		refuse(w, http.StatusUnauthorized, "AuthenticationError")
	case providertest.BadRequest:
		refuse(w, http.StatusBadRequest, "InvalidParameter.UnsupportedImageFormat")
	case providertest.UnknownModel:
		refuse(w, http.StatusNotFound, "InvalidEndpointOrModel.NotFound")
	case providertest.BlockedBefore:
		refuse(w, http.StatusBadRequest, "InputTextSensitiveContentDetected")
	case providertest.BlockedAfter:
		write(w, map[string]any{"model": "m", "created": 1757323224, "data": []any{
			map[string]any{"error": map[string]any{"code": "OutputImageSensitiveContentDetected", "message": providertest.BodySecret}},
		}})
	case providertest.Empty:
		write(w, map[string]any{"model": "m", "created": 1757323224, "data": []any{}, "usage": map[string]any{"generated_images": 0}})
	case providertest.WrongType:
		answer(w, Request{}, []byte("<html>"+providertest.BodySecret+"</html>"))
	case providertest.WrongFormat:
		answer(w, Request{}, []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"))
	default:
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": code, "message": providertest.BodySecret + " Request id: 0217573232245f00ba4", "param": "", "type": "BadRequest",
	}})
}

func answer(w http.ResponseWriter, req Request, drawn []byte) {
	write(w, map[string]any{
		"model": req.Model, "created": 1757323224,
		"data":  []any{map[string]any{"b64_json": base64.StdEncoding.EncodeToString(drawn), "size": req.Size}},
		"usage": map[string]any{"generated_images": 1, "output_tokens": 16280, "total_tokens": 16280},
	})
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		_, _ = fmt.Fprint(w, err)
	}
}
