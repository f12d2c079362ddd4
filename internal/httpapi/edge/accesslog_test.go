package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
)

func TestAccessLog_namesTheRequest(t *testing.T) {
	t.Parallel()
	now := theTime
	var observed []Served
	b := setup(t, func(c *Config) {
		c.Now = func() time.Time { now = now.Add(250 * time.Millisecond); return now }
		c.Observe = func(_ context.Context, s Served) { observed = append(observed, s) }
	})
	rec := b.do(http.MethodDelete, base+"/project/"+aUUID+"?q=1", "", headerRequestID, "r1")
	require.Equal(t, http.StatusNoContent, rec.Code)
	line := b.lines(t)[0]
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "request_id": "r1", "method": "DELETE", "route": base + "/project/:project_id",
		"status": 204.0, "duration": 250e6, "bytes": 0.0, "client_ip": "192.0.2.1",
		"user_id": theUser.String(),
	}, line)
	require.Equal(t, []Served{{base + "/project/:project_id", "DELETE", 204, 250 * time.Millisecond, 0}}, observed)

	b.do(http.MethodGet, base+"/models", "")
	b.do("BREW", "/secret/path", "")
	b.do(http.MethodGet, "/healthz", "")
	lines := b.lines(t)
	require.NotContains(t, lines[1], "user_id")
	require.EqualValues(t, 30, lines[1]["bytes"])
	require.Equal(t, "unmatched", lines[2]["route"])
	require.Equal(t, "other", lines[2]["method"])
	require.Equal(t, "not_found", lines[2]["code"])
	require.Equal(t, "DEBUG", lines[3]["level"], "probes would drown the rest")
}

// A forged token leaves a trace: where it came from, behind the proxies that are trusted, and not where it claims to come from.
func TestAccessLog_tellsWhereARequestCameFrom(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	rec := b.do(http.MethodGet, base+"/project", "", "Authorization", "Bearer forged", "X-Forwarded-For", "198.51.100.7, 203.0.113.9")
	require.Equal(t, http.StatusUnauthorized, rec.Code)
	line := b.lines(t)[0]
	require.Equal(t, "203.0.113.9", line["client_ip"])
	require.Equal(t, "unauthenticated", line["code"])
}

// TestAccessLog_hasNoSecrets drives secrets through every part of a request, good ones and broken ones, and looks for them in
// the log.
func TestAccessLog_hasNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "S3CR3T"
	b := setup(t, func(c *Config) {
		c.Mount = map[string]http.Handler{"/storage/": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("storage") })}
		c.Limiter = downFor("auth_refresh")
	})
	b.impl.signIn = func(context.Context, api.SignInRequestObject) (api.SignInResponseObject, error) { panic("sign-in") }
	b.impl.createProject = func(context.Context, api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
		return nil, fmt.Errorf("store project %s", uuid.Max)
	}
	for _, path := range []string{
		base + "/auth/signin", base + "/auth/signin?password=" + secret, base + "/auth/signup", base + "/auth/confirm", base + "/auth/refresh",
		base + "/auth/signout", base + "/project", base + "/project/" + secret, base + "/project/" + secret + "/queue",
		base + "/jobs/" + secret + "/events",
		base + "/" + secret, "/" + secret, "/storage/object/sign/" + secret + "?token=" + secret, "/docs/" + secret,
		base + "/project?cursor=" + secret + "&limit=" + secret,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodOptions, "BREW"} {
			for _, body := range []string{
				"", secret, `{"email":"` + secret + `","password":"` + secret + `","code":"` + secret + `"`,
				`{"email":"ada@example.com","password":"` + secret + `"}`,
				`{"` + secret + `":"` + secret + `","email":["` + secret + `"],"refresh_token":"` + secret + `"}`,
				`{"mode":"design","platform":"youtube","prompt":{"headline":"` + secret + `"}}`,
				`{"password":"` + secret + `\u0000","prompt":{"headline":7}}`, "{\"password\":\"" + secret + "\xff\"}",
			} {
				for _, authorization := range []string{"Bearer " + goodToken, "Bearer " + secret, "Basic " + secret} {
					r := httptest.NewRequest(method, path, strings.NewReader(body))
					r.Header.Set("Authorization", authorization)
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("X-CSRF-Token", secret)
					r.Header.Set("Idempotency-Key", secret)
					r.Header.Set("User-Agent", secret)
					r.Header.Set("Referer", "https://example.com/?token="+secret)
					r.Header.Set("Origin", "https://"+secret)
					r.Header.Set("If-Match", secret)
					r.AddCookie(&http.Cookie{Name: "mugshot_refresh", Value: secret})
					b.send(r)
				}
			}
		}
	}
	log := b.log.String()
	for _, reached := range []string{`"status":500`, `"status":503`, "panic: sign-in", "panic: storage", "store project"} {
		require.True(t, strings.Contains(log, reached), reached) //nolint:testifylint // the log is too long to be printed
	}
	require.Greater(t, strings.Count(log, "\n"), 1000)
	if i := strings.Index(log, secret); i >= 0 {
		t.Fatalf("the log holds a secret: %s", log[max(0, i-200):i+100])
	}
	require.False(t, strings.Contains(log, goodToken) || strings.Contains(log, "ada@example.com"))
}

// downFor is a limiter that fails for one class.
type downFor string

func (d downFor) Allow(_ context.Context, class string, _ Subject) (Quota, error) {
	if class == string(d) {
		return Quota{}, fmt.Errorf("count: %w", context.DeadlineExceeded)
	}
	return Quota{Allowed: true}, nil
}
