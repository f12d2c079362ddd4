package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
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

// isSafePostgres reports whether every connection that pgx may make for an address stays on this machine, or is encrypted to a
// server whose certificate and name are checked (sslmode=verify-full). It asks pgx itself, which knows all forms of an address,
// the variables that complete it, and where it would fall back to. A certificate that is missing is left to the opening of
// the pool, which fails and names the file.
func isSafePostgres(dsn string) bool {
	cfg, err := pgconn.ParseConfig(dsn)
	if err != nil {
		_, missing := errors.AsType[*fs.PathError](err)
		return missing
	}
	attempts := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for _, to := range attempts {
		network, _ := pgconn.NetworkAddress(to.Host, to.Port)
		verified := to.TLSConfig != nil && !to.TLSConfig.InsecureSkipVerify
		if network != "unix" && !isLoopbackHost(to.Host) && !verified {
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
