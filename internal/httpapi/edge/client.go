package edge

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Client is where a request came from, as far as can be known.
type Client struct {
	IP        string // without port and zone; "" if unknown
	UserAgent string // at most 512 bytes of printable UTF-8
}

const maxUserAgent = 512 // bytes; longer ones are cut

// ClientFrom returns where the request of ctx came from. ctx must be that of a request that has passed through an Edge.
func ClientFrom(ctx context.Context) Client { return callFrom(ctx).client }

func (e *Edge) client(r *http.Request) Client {
	c := Client{UserAgent: cleanUserAgent(r.UserAgent())}
	if addr := clientAddr(r, e.cfg.TrustedProxies); addr.IsValid() {
		c.IP = addr.String()
	}
	return c
}

// clientAddr is the peer, unless the peer is a trusted proxy: then it is the hop nearest to us in X-Forwarded-For that
// is not one. What is left of that hop was written by strangers and is not read.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := parseAddr(r.RemoteAddr)
	if !isTrusted(addr, trusted) {
		return addr
	}
	for lines := r.Header["X-Forwarded-For"]; len(lines) > 0; lines = lines[:len(lines)-1] {
		for hops := lines[len(lines)-1]; hops != ""; {
			var hop string
			if i := strings.LastIndexByte(hops, ','); i >= 0 {
				hops, hop = hops[:i], hops[i+1:]
			} else {
				hops, hop = "", hops
			}
			next := parseAddr(strings.TrimSpace(hop))
			if !next.IsValid() {
				return addr
			}
			if addr = next; !isTrusted(addr, trusted) {
				return addr
			}
		}
	}
	return addr
}

// parseAddr reads an address with or without a port, and makes IPv4 of IPv4-mapped IPv6.
func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// cleanUserAgent makes a header fit for the database and the log.
func cleanUserAgent(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(clean) <= maxUserAgent {
		return clean
	}
	cut := maxUserAgent
	for !utf8.RuneStart(clean[cut]) {
		cut--
	}
	return clean[:cut]
}
