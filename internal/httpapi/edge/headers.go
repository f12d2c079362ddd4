package edge

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// hsts is two years, what the preload lists ask for (https://hstspreload.org).
const hsts = "max-age=63072000; includeSubDomains"

// Headers that every answer has. They are shared by all answers, so nothing may write into one; http.Header.Add copies.
//
//nolint:gochecknoglobals // constants, but for the language
var (
	noSniff         = []string{"nosniff"}
	noReferrer      = []string{"no-referrer"}
	noSources       = []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	noStore         = []string{"no-store"}
	byOrigin        = []string{"Origin"}
	strictTransport = []string{hsts}
)

// securityHeaders sets what the OWASP REST Security Cheat Sheet asks of every answer of an API. Pages (docs.go) replace
// the policy by their own. Nothing is cached unless its handler says so; a mounted handler sets
// Cache-Control itself.
func (e *Edge) securityHeaders(c echo.Context, mounted bool) {
	h := c.Response().Header()
	h["X-Content-Type-Options"] = noSniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noSources
	if !mounted {
		h["Cache-Control"] = noStore
	}
	if e.cfg.HSTS {
		h["Strict-Transport-Security"] = strictTransport
	}
}

// isMounted reports whether a mounted handler answers, which decides itself how long its answers may be cached.
func (e *Edge) isMounted(r *http.Request) bool {
	for prefix := range e.cfg.Mount {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	return false
}
