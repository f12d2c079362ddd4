package fal

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

func TestRefusal_bothBodiesAndTheAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		header string // name: value
		body   string
		class  providers.Class
		reason string
	}{
		{422, "", `{"detail":[{"loc":["body"],"msg":"m","type":"content_policy_violation"}]}`, providers.Blocked, "content_policy_violation"},
		{422, "", `{"detail":[{"type":"value_error"},{"type":"content_policy_violation"}]}`, providers.Blocked, "content_policy_violation"},
		{422, "X-Fal-Retryable: true", `{"detail":[{"type":"content_policy_violation"}]}`, providers.Blocked, "content_policy_violation"},
		{422, "", `{"detail":[{"type":"no_media_generated"}]}`, providers.Blocked, "no_media_generated"},
		{422, "", `{"detail":[{"type":"image_too_small"}]}`, providers.Permanent, "image_too_small"},
		{422, "", `{"detail":[{"type":"greater_than"}]}`, providers.Permanent, "greater_than"},
		{422, "", `{"detail":"Not a list"}`, providers.Permanent, "status_422"},
		{504, "", `{"detail":[{"type":"generation_timeout"}]}`, providers.Transient, "generation_timeout"},
		{504, "", `{"detail":"Request timed out","error_type":"request_timeout"}`, providers.Transient, "request_timeout"},
		{504, "X-Fal-Request-Timeout-Type: user", `{"detail":"Request timed out","error_type":"request_timeout"}`, providers.Permanent, "request_timeout"},
		{503, "", `{"detail":"m","error_type":"runner_scheduling_failure"}`, providers.Transient, "runner_scheduling_failure"},
		{503, "X-Fal-Needs-Retry: false", `{"detail":"m","error_type":"runner_disconnected"}`, providers.Permanent, "runner_disconnected"},
		{500, "X-Fal-Retryable: false", `{"detail":[{"type":"internal_server_error"}]}`, providers.Permanent, "internal_server_error"},
		{400, "X-Fal-Retryable: true", `{}`, providers.Transient, "status_400"},
		{500, "X-Fal-Error-Type: internal_error", `<html>`, providers.Transient, "internal_error"},
		{499, "", `{"detail":"m","error_type":"client_cancelled"}`, providers.Transient, "client_cancelled"},
		{400, "", `{"detail":"m","error_type":"The prompt was: secret"}`, providers.Permanent, "status_400"},
		{401, "", `{"detail":"Cannot access application"}`, providers.Permanent, "status_401"},
		{429, "", ``, providers.Transient, "status_429"},
	} {
		res := &http.Response{StatusCode: c.status, Header: http.Header{}}
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			res.Header.Set(name, value)
		}
		requireFault(t, refused(res, []byte(c.body), time.Now()).failure(), c.class, c.reason)
	}
}

// A creator is told to change the words or pictures only where that may help.
func TestRefusal_tellsWhoseFailureItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		advice string
		body   string
		ours   bool
	}{
		{401, "", `{"detail":"Cannot access application"}`, true},
		{403, "", `{"detail":"User is locked. Reason: Exhausted balance."}`, true},
		{404, "", `{"detail":"Application not found"}`, true},
		{500, "false", ``, true},
		{503, "false", `{"detail":"m","error_type":"runner_disconnected"}`, true},
		{503, "", `{"detail":"m","error_type":"runner_disconnected"}`, false}, // it passes
		{400, "", ``, false},
		{422, "", `{"detail":[{"type":"image_too_small"}]}`, false},
		{403, "", `{"detail":[{"type":"content_policy_violation"}]}`, false},
	} {
		res := &http.Response{StatusCode: c.status, Header: http.Header{"X-Fal-Retryable": {c.advice}}}
		require.Equal(t, c.ours, isOurs(refused(res, []byte(c.body), time.Now()).failure()), c)
	}
}

func isOurs(err error) bool {
	vendor, ok := errors.AsType[*providers.Error](err)
	return ok && vendor.Ours
}
