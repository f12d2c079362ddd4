package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hostCheck keeps pages of other origins, opened in an operator's browser, away from an edge without authentication. It
// passes GET and HEAD alone, to any path, since everything is for reading. And a request that arrives on a loopback address
// must ask for a loopback name: a page whose own name was made to point to 127.0.0.1 (DNS rebinding) would count as of this
// origin, and could read the answers.
func hostCheck(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Everything here is for reading.", http.StatusMethodNotAllowed)
		case arrivedOnLoopback(r) && !isLoopback(r.Host):
			http.Error(w, "Ask for localhost, or for the address, by its own name.", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func arrivedOnLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && isLoopback(addr.String())
}

// isLoopback tells whether a host, with or without a port, can only be this machine.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
