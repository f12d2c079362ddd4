package fal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// refusal is an answer with a bad status. It holds nothing of the answer's free text, which may quote the prompt.
type refusal struct {
	status     int
	kind       string // fal's word for it; empty: none that is one
	advice     string // true or false: whether fal thinks that another try helps
	retryAfter time.Duration
}

// Error implements error.
func (r *refusal) Error() string { return fmt.Sprintf("status %d", r.status) }

// refused reads both forms of bodies: a model's, whose detail is a list of typed faults or a text, and that of fal's own
// machinery, with an error_type. Headers say the same where the body can't be read.
func refused(res *http.Response, raw []byte, now time.Time) *refusal {
	var body struct {
		Detail    json.RawMessage `json:"detail"`
		ErrorType string          `json:"error_type"`
	}
	_ = json.Unmarshal(raw, &body)
	var details []struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(body.Detail, &details)
	r := &refusal{status: res.StatusCode, kind: body.ErrorType, retryAfter: transport.RetryAfter(res.Header, now)}
	for _, detail := range details {
		// The strongest of several faults: what safety refuses stays refused when the others are mended.
		if class, _ := classOf(detail.Type); r.kind == "" || class == providers.Blocked {
			r.kind = detail.Type
		}
	}
	if r.kind == "" {
		r.kind = res.Header.Get("X-Fal-Error-Type")
	}
	if !words.MatchString(r.kind) {
		r.kind = ""
	}
	for _, header := range []string{"X-Fal-Retryable", "X-Fal-Needs-Retry"} {
		if value := strings.ToLower(res.Header.Get(header)); value == "true" || value == "false" {
			r.advice = value
		}
	}
	if res.Header.Get("X-Fal-Request-Timeout-Type") == "user" {
		r.advice = "false" // it waited in the queue for as long as we had said
	}
	return r
}

// words may stand in logs and metrics.
var words = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)

// plainID is how fal's ids of requests look.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// passing tells whether asking the same address once more may be answered otherwise: gateways have no word for what is
// wrong, and what has one is the end of the request.
func (r *refusal) passing() bool {
	gateway := []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	return r.kind == "" && r.advice != "false" && slices.Contains(gateway, r.status)
}

// failure sorts by fal's word, then by its advice, then by the status. What safety refuses no advice changes.
func (r *refusal) failure() error {
	class, known := classOf(r.kind)
	ours := class != providers.Permanent // a word for a fault of fal's own, whatever its advice
	if !known {
		class, ours = transport.ClassOf(r.status), transport.Ours(r.status) || r.status >= http.StatusInternalServerError
	}
	switch {
	case class == providers.Blocked:
	case r.advice == "true":
		class = providers.Transient
	case r.advice == "false":
		class = providers.Permanent
	}
	reason := r.kind
	if reason == "" {
		reason = fmt.Sprintf("status_%d", r.status)
	}
	return &providers.Error{
		Provider: Name, Class: class, Reason: reason, RetryAfter: r.retryAfter, Cause: r, Ours: ours && class == providers.Permanent,
	}
}

// classOf sorts the words that are documented.
func classOf(kind string) (class providers.Class, known bool) {
	switch kind {
	case "content_policy_violation", "no_media_generated":
		return providers.Blocked, true
	case "request_timeout", "startup_timeout", "generation_timeout", "runner_scheduling_failure", "runner_connection_timeout",
		"runner_disconnected", "runner_connection_refused", "runner_connection_error", "runner_incomplete_response",
		"runner_server_error", "internal_error", "client_disconnected", "client_cancelled":
		return providers.Transient, true
	case "bad_request", "image_too_small", "image_too_large", "image_load_error", "file_download_error", "face_detection_error",
		"file_too_large", "unsupported_image_format", "missing", "value_error":
		return providers.Permanent, true
	}
	return providers.Permanent, false
}
