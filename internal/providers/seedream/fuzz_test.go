package seedream

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Whatever comes back, it ends as a picture or as a failure that holds no words of the vendor's.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"data":[{"b64_json":"aGFsbG8="}]}`, `{"data":[{"error":{"code":"InternalServiceError","message":"m Request id: 0217573232245f"}}]}`,
		`{"error":{"code":"QuotaExceeded"}}`, `{}`, `null`, `[1`, `{"data":[null]}`,
	} {
		f.Add([]byte(seed), 200)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		out, err := decode(strings.NewReader(string(body)))
		if err != nil {
			return
		}
		drawn, err := out.picture(http.Header{})
		require.NotEqual(t, err == nil, len(drawn) == 0)
		if out.Error != nil {
			failure := out.Error.failure(status, http.Header{})
			require.Contains(t, []providers.Class{providers.Transient, providers.Permanent, providers.Blocked}, failure.Class)
			require.Regexp(t, `^(status_-?\d+|[A-Za-z._]+)$`, failure.Reason)
		}
	})
}
