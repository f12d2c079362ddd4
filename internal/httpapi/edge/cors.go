package edge

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsAllow   = "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, X-CSRF-Token, X-Request-Id, " + corsTracing
	corsTracing = "traceparent, tracestate, baggage, sentry-trace" // which browsers' SDKs of OpenTelemetry and Sentry add
	corsExpose  = "ETag, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
	corsMaxAge  = "7200" // seconds; the most that Chromium keeps
)

// cors lets pages of the configured origins call us with cookies (https://fetch.spec.whatwg.org/#http-cors-protocol).
// Origins are compared whole: a prefix, a suffix or a wildcard would let in another owner's site. It reports whether the
// request is a preflight, which is answered for any path, so that the page gets to see the 404 of the request itself.
func (e *Edge) cors(c echo.Context) (preflight bool) {
	r, h := c.Request(), c.Response().Header()
	preflight = r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
	h["Vary"] = byOrigin
	if preflight {
		h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	}
	if origins := r.Header["Origin"]; len(origins) == 1 && slices.Contains(e.cfg.AllowedOrigins, origins[0]) {
		h.Set("Access-Control-Allow-Origin", origins[0])
		h.Set("Access-Control-Allow-Credentials", "true")
		if preflight {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsAllow)
			h.Set("Access-Control-Max-Age", corsMaxAge)
		} else {
			h.Set("Access-Control-Expose-Headers", corsExpose)
		}
	}
	return preflight
}

// checkOrigins refuses what can never equal an Origin header, and the wildcard, which must not go with credentials.
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
			origin != u.Scheme+"://"+strings.ToLower(u.Host) || strings.Contains(u.Host, "*") {
			return fmt.Errorf("allowed origin %q: must be a scheme and a host, such as https://app.example.com", origin)
		}
	}
	return nil
}
