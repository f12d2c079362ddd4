package download

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// errTarget says that a URL is none of the provider's. It never holds the URL, which is as good as a key.
var errTarget = errors.New("the URL is not on the provider's hosts")

// targets are the URLs that may be fetched.
type targets struct {
	hosts    []string // lower case; each stands for itself and all names below it
	loopback bool     // http to this machine, too
}

// check accepts https on the provider's hosts at the standard port, and nothing else but, in development, http to this
// machine. An IP address is no host of a provider, however it is written.
func (t targets) check(u *url.URL) error {
	host := strings.ToLower(u.Hostname())
	if u.User != nil || u.Opaque != "" || host == "" {
		return errTarget
	}
	if u.Scheme == "http" && t.loopback && isLoopback(host) {
		return nil
	}
	if u.Scheme != "https" || (u.Port() != "" && u.Port() != "443") || strings.HasSuffix(u.Host, ":") {
		return errTarget
	}
	for _, own := range t.hosts {
		if host == own || strings.HasSuffix(host, "."+own) && wellFormed(host) {
			return nil
		}
	}
	return errTarget
}

// wellFormed refuses what resolvers and HTTP servers read differently: empty labels, escapes, other scripts.
func wellFormed(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// isLoopback tells whether a host is this machine by its name or number, without asking a resolver.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// LoopbackURL tells whether a base URL leads to this machine, as one of a fake does.
func LoopbackURL(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := u.Hostname()
	if h, _, err := net.SplitHostPort(u.Host); err == nil {
		host = h
	}
	return isLoopback(host)
}
