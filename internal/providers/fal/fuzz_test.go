package fal

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Whatever a refusal or an output holds, it ends as a failure without free text, or as an address.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"detail":[{"loc":["body","prompt"],"msg":"m","type":"content_policy_violation"}]}`, `{"detail":"x","error_type":"internal_error"}`,
		`{"images":[{"url":"https://v3.fal.media/a.png"}],"has_nsfw_concepts":[false]}`, `{"images":[null]}`, `null`, `[`,
	} {
		f.Add([]byte(seed), 422, "true")
	}
	f.Fuzz(func(t *testing.T, body []byte, status int, advice string) {
		res := &http.Response{StatusCode: status, Header: http.Header{"X-Fal-Retryable": {advice}, "X-Fal-Error-Type": {advice}, "Retry-After": {advice}}}
		failure, ok := errors.AsType[*providers.Error](refused(res, body, time.Unix(0, 0)).failure())
		require.True(t, ok)
		require.Regexp(t, `^(status_-?\d+|[a-z][a-z0-9_.]{0,63})$`, failure.Reason)
		require.GreaterOrEqual(t, failure.RetryAfter, time.Duration(0))
		var out drawn
		if json.Unmarshal(body, &out) == nil {
			url, err := out.picture()
			require.NotEqual(t, err == nil, url == "")
		}
	})
}
