package edge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const appOrigin = "https://app.example.com"

func withOrigins(c *Config) { c.AllowedOrigins = []string{appOrigin, "http://localhost:5173"} }

func TestCORS_allowsConfiguredOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t, withOrigins)
	for _, path := range []string{base + "/models", base + "/project?limit=0", "/nowhere", "/healthz"} { // errors can be read as well
		h := b.do(http.MethodGet, path, "", "Origin", appOrigin).Header()
		require.Equal(t, appOrigin, h.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "true", h.Get("Access-Control-Allow-Credentials"))
		require.Contains(t, h.Get("Access-Control-Expose-Headers"), "X-Request-Id")
		require.Equal(t, []string{"Origin"}, h.Values("Vary"))
	}
}

func TestCORS_refusesOtherOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t, withOrigins)
	for _, origin := range []string{
		"", "null", "https://app.example.com.evil.example", "https://evil.example", "https://app.example.co", "http://app.example.com",
		"https://app.example.com:8443", "https://APP.example.com", "https://app.example.com/", "https://x.app.example.com", "*",
	} {
		h := b.do(http.MethodGet, base+"/models", "", "Origin", origin).Header()
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"} {
			require.Empty(t, h.Get(name), origin)
		}
		require.Equal(t, "Origin", h.Get("Vary"), "a cache must not hand this answer to an allowed origin")
	}
}

func TestCORS_answersPreflights(t *testing.T) {
	t.Parallel()
	b := setup(t, withOrigins)
	for _, path := range []string{base + "/auth/signin", base + "/project/" + aUUID, "/nowhere"} {
		rec := b.do(http.MethodOptions, path, "", "Origin", appOrigin, "Authorization", "",
			"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,content-type")
		require.Equal(t, http.StatusNoContent, rec.Code)
		h := rec.Header()
		require.Equal(t, appOrigin, h.Get("Access-Control-Allow-Origin"))
		require.Contains(t, h.Get("Access-Control-Allow-Methods"), "PATCH")
		for _, name := range []string{
			"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-CSRF-Token", "X-Request-Id",
			"traceparent", "tracestate", "baggage", "sentry-trace",
		} {
			require.Contains(t, strings.Split(h.Get("Access-Control-Allow-Headers"), ", "), name)
		}
		require.Equal(t, "7200", h.Get("Access-Control-Max-Age"))
		require.Contains(t, h.Values("Vary"), "Origin")
	}
	rec := b.do(http.MethodOptions, base+"/auth/signin", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusNoContent, rec.Code)
	require.Empty(t, rec.Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, rec.Header().Get("Access-Control-Allow-Methods"))
}

func TestSecurityHeaders_areOnEveryAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{base + "/models", base + "/me", "/nowhere", "/healthz"} {
		h := b.do(http.MethodGet, path, "", "Authorization", "").Header()
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		require.Equal(t, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", h.Get("Content-Security-Policy"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Empty(t, h.Get("Strict-Transport-Security"))
	}
	h := setup(t, func(c *Config) { c.HSTS = true }).do(http.MethodGet, "/nowhere", "").Header()
	require.Equal(t, hsts, h.Get("Strict-Transport-Security"))
}

// TestMount_leavesCachingToItsHandler shows that other handlers keep their own answers and caching, behind the same outer layers.
func TestMount_leavesCachingToItsHandler(t *testing.T) {
	t.Parallel()
	b := setup(t, withOrigins, func(c *Config) {
		c.Mount = map[string]http.Handler{"/storage/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(r.Method + " " + r.URL.Path))
		})}
	})
	rec := b.do(http.MethodPut, "/storage/v1/object//x/", "", "Origin", appOrigin)
	require.Equal(t, http.StatusTeapot, rec.Code)
	require.Equal(t, "PUT /storage/v1/object//x/", rec.Body.String())
	require.Equal(t, appOrigin, rec.Header().Get("Access-Control-Allow-Origin"))
	require.NotEmpty(t, rec.Header().Get(headerRequestID))
	require.Empty(t, rec.Header().Get("Cache-Control"))
}

func TestNew_refusesWhatCannotBeRight(t *testing.T) {
	t.Parallel()
	for fault, change := range map[string]func(*Config){
		"base path":       func(c *Config) { c.BasePath = "api/v1/" },
		"must be literal": func(c *Config) { c.BasePath = "/api/:v" },
		"are required":    func(c *Config) { c.Authenticate = nil },
		`mount "/x"`:      func(c *Config) { c.Mount = map[string]http.Handler{"/x": http.NotFoundHandler()} },
		`"*"`:             func(c *Config) { c.AllowedOrigins = []string{"*"} },
		`"null"`:          func(c *Config) { c.AllowedOrigins = []string{"null"} },
		"example.com/":    func(c *Config) { c.AllowedOrigins = []string{"https://example.com/"} },
		"*.example.com":   func(c *Config) { c.AllowedOrigins = []string{"https://*.example.com"} },
		"EXAMPLE":         func(c *Config) { c.AllowedOrigins = []string{"https://EXAMPLE.com"} },
	} {
		b := setup(t)
		cfg := b.cfg
		cfg.NewID = uuid.New
		change(&cfg)
		_, err := New(cfg, b.impl)
		require.ErrorContains(t, err, fault)
	}
}
