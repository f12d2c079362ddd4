package seedream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// vendorError is the vendor's word for a failure. Its message may quote the prompt, and is only searched for the
// request's id.
type vendorError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// refused reads the failure of a bad status. A body that can't be read leaves the status to say it.
func (p *Provider) refused(ctx context.Context, res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxErrorAnswer))
	if err != nil && ctx.Err() != nil {
		return transport.Failure(ctx, Name, err)
	}
	var out answer
	if json.Unmarshal(raw, &out) != nil || out.Error == nil {
		out.Error = &vendorError{}
	}
	failure := out.Error.failure(res.StatusCode, res.Header)
	failure.RetryAfter = transport.RetryAfter(res.Header, p.cfg.Now())
	return failure
}

// failure is what the vendor's code means to us, and where it has none that is known, what the status means.
func (e vendorError) failure(status int, header http.Header) *providers.Error {
	class, ours, known := classOf(e.Code)
	if !known {
		class, ours = transport.ClassOf(status), transport.Ours(status)
	}
	if !known && status == http.StatusOK {
		class = providers.Transient // what is unknown and yet no refusal may pass
	}
	reason := codes.FindString(e.Code)
	if reason == "" || reason != e.Code {
		reason = fmt.Sprintf("status_%d", status)
	}
	cause := fmt.Errorf("status %d", status)
	if id := requestIDOf(header, e.Message); id != "" {
		cause = fmt.Errorf("status %d, request %s", status, id)
	}
	return &providers.Error{Provider: Name, Class: class, Reason: reason, Cause: cause, Ours: ours}
}

// codes are words that may stand in logs and metrics.
var codes = regexp.MustCompile(`^[A-Za-z]{1,64}(\.[A-Za-z_]{1,64}){0,3}$`)

// classOf sorts the codes that are documented. Of the 429s those that pass within minutes are Transient; used-up quotas and
// limits that an operator has set are Permanent, since no wait of ours ends them. ours tells of those that are not about
// what was asked for.
func classOf(code string) (class providers.Class, ours, known bool) {
	family, _, _ := strings.Cut(code, ".")
	switch {
	case strings.HasSuffix(family, "SensitiveContentDetected"):
		return providers.Blocked, false, true
	case strings.HasSuffix(family, "RateLimitExceeded"):
		return providers.Transient, false, true
	}
	switch family {
	case "ServerOverloaded", "RequestBurstTooFast", "InternalServiceError":
		return providers.Transient, false, true
	case "InvalidParameter", "MissingParameter":
		return providers.Permanent, false, true
	case "QuotaExceeded", "SetLimitExceeded", "InflightBatchsizeExceeded", "AuthenticationError", "AccountOverdueError",
		"AccessDenied", "ModelNotOpen", "InvalidEndpointOrModel":
		return providers.Permanent, true, true
	}
	return providers.Permanent, false, false
}

var inMessage = regexp.MustCompile(`(?i)request id: ?([0-9a-z_-]{8,64})`)

var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)

// requestIDOf finds the vendor's id of a request, in the header that its SDK reads or at the end of a message.
func requestIDOf(header http.Header, message string) string {
	if id := header.Get("X-Request-Id"); plainID.MatchString(id) {
		return id
	}
	if found := inMessage.FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return ""
}
