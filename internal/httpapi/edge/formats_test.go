package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Times are those of RFC 3339, and what the handler gets is the time that was written.
func TestValidate_times(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var got time.Time
	queue := b.impl.queueProject
	b.impl.queueProject = func(ctx context.Context, r api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error) {
		got = r.Body.Consent.AcceptedAt
		return queue(ctx, r)
	}
	body := func(written string) string {
		return `{"quality":"std","variants":1,"consent":{"accepted_at":"` + written + `"}}`
	}
	path := base + "/project/" + aUUID + "/queue"
	for written, want := range map[string]string{
		"2026-11-30T08:00:00Z":            "2026-11-30T08:00:00Z",
		"2026-11-30t08:00:00z":            "2026-11-30T08:00:00Z",
		"2026-11-30t08:00:00.25+01:00":    "2026-11-30T07:00:00.25Z",
		"2026-11-30T08:00:00-00:00":       "2026-11-30T08:00:00Z",
		"2026-11-30T23:59:59+23:59":       "2026-11-30T00:00:59Z",
		"2024-02-29T08:00:00.1234567890Z": "2024-02-29T08:00:00.123456789Z",
	} {
		rec := b.do(http.MethodPost, path, body(written))
		require.Equal(t, http.StatusCreated, rec.Code, "%s: %s", written, rec.Body)
		require.Equal(t, want, got.UTC().Format(time.RFC3339Nano), written)
		_, err := json.Marshal(got)
		require.NoError(t, err, written)
	}
	for _, written := range []string{
		"2026-11-30T08:00:00+24:00", "2026-11-30T08:00:00+23:60", "2026-11-30T08:00:00-24:00", "2026-11-30T08:00:00,5Z",
		"2026-11-30T8:00:00Z", "2026-11-30T08:00:00+1:00", "2026-11-30T08:00:00+0100", "2026-11-30T08:00:00", "2026-11-30 08:00:00Z",
		"2026-11-30T08:00Z", "2026-11-30T08:00:00.Z", "2026-11-30T24:00:00Z", "2026-11-30T08:60:00Z", "2026-02-29T08:00:00Z",
		"2026-13-01T08:00:00Z", "26-11-30T08:00:00Z", "2026-11-30T08:00:00Zz", "\u0662026-11-30T08:00:00Z", "2026-11-30T08:00:00Z\\n", "",
	} {
		p := requireProblem(t, b.do(http.MethodPost, path, body(written)), http.StatusBadRequest, apperr.CodeValidationFailed)
		require.Equal(t, "/consent/accepted_at", p.Error.Details.Fields[0].Field, written)
		require.Equal(t, "format", p.Error.Details.Fields[0].Code, written)
	}
}
