package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// hsts is two years, what the preload lists ask for (https://hstspreload.org).
const hsts = "max-age=63072000; includeSubDomains"

// securityHeaders sets what the OWASP REST Security Cheat Sheet asks of every answer of an API. Pages (docs.go) replace
// the policy by their own. Nothing is cached unless its handler says so.
func (e *Edge) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if !e.isMounted(c.Request()) {
			h.Set("Cache-Control", "no-store")
		}
		if e.cfg.HSTS {
			h.Set("Strict-Transport-Security", hsts)
		}
		return next(c)
	}
}

// isMounted reports whether another handler answers, which knows best how long its answers may be kept.
func (e *Edge) isMounted(r *http.Request) bool {
	for prefix := range e.cfg.Mount {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	return false
}
