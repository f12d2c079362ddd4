package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// isLoopback reports whether a URL points to this machine, where a test or a proxy may answer without TLS.
func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && isLoopbackHost(u.Hostname())
}

func isLoopbackHost(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// isSafePostgres reports whether a connection to Postgres stays on this machine, or is encrypted to a server whose certificate
// and name are checked. It reads the URL as libpq does: hosts are separated by commas, the parameters host and hostaddr
// replace them, a path is a Unix socket, and of a parameter that is there twice the last counts.
func isSafePostgres(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return false
	}
	query := u.Query()
	if last(query["sslmode"]) == "verify-full" {
		return true
	}
	hosts := []string{u.Hostname()}
	if strings.Contains(u.Host, ",") { // host:port,host:port
		hosts = strings.Split(u.Host, ",")
		for i, host := range hosts {
			hosts[i] = (&url.URL{Host: host}).Hostname()
		}
	}
	for _, name := range []string{"host", "hostaddr"} {
		if values := query[name]; len(values) > 0 {
			hosts = strings.Split(last(values), ",")
		}
	}
	for _, host := range hosts {
		if host != "" && !strings.HasPrefix(host, "/") && !isLoopbackHost(host) {
			return false
		}
	}
	return true
}

// isSafeRedis reports whether a connection to Redis stays on this machine, or is encrypted and asks for a password.
func isSafeRedis(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	password, _ := u.User.Password()
	return isLoopbackHost(u.Hostname()) || u.Scheme == "rediss" && password != ""
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
