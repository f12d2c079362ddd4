package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// The bounds that production holds settings to.
const (
	// maxAuthFailures is the most wrong passwords in a row that NIST SP 800-63B-4, section 3.2.2, allows an account.
	maxAuthFailures = 100
	// maxAddressFailures is beyond what the people behind one address mistype, and bounds what Redis keeps of an address.
	maxAddressFailures = 1000
	// minFailureWindow is the shortest time over which counting wrong passwords still slows an attacker down.
	minFailureWindow = time.Minute
	// The widest networks of proxies that are believed. 10.0.0.0/8 is the widest private network; what is wider than that
	// holds addresses that strangers have.
	minProxyBits4 = 8
	minProxyBits6 = 16
)

// productionProblems returns what is wrong in production only: what is missing, and what is too weak for strangers' reach.
func (c Config) productionProblems() []error {
	found := slices.Concat(
		c.missing(), c.weakSecrets(), c.unencrypted(), c.weakSignIn(), c.tooMuchTrust(),
	)
	slices.SortFunc(found, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return found
}

func (c Config) missing() (found []error) {
	for name, value := range map[string]string{
		"DATABASE_URL": string(c.DatabaseURL), "REDIS_URL": string(c.RedisURL), "JWT_SECRET": string(c.JWTSecret),
		"SMTP_URL": string(c.SMTPURL), "SUPABASE_URL": c.SupabaseURL, "SUPABASE_KEY": string(c.SupabaseKey),
	} {
		if value == "" && (name != "SMTP_URL" || !c.servesOnly) {
			found = append(found, fmt.Errorf("%s is missing", name))
		}
	}
	return found
}

// weakSecrets returns which passwords and keys an attacker can guess.
func (c Config) weakSecrets() (found []error) {
	for name, value := range map[string]Secret{"DATABASE_URL": c.DatabaseURL, "REDIS_URL": c.RedisURL, "SMTP_URL": c.SMTPURL} {
		if hasDefaultPassword(string(value)) {
			found = append(found, fmt.Errorf("%s has a default password", name))
		}
	}
	for _, key := range c.signingKeys() {
		switch {
		case isExampleSecret(string(key.secret)):
			found = append(found, fmt.Errorf("%s is an example; make your own (openssl rand -hex 32)", key.name))
		case estimateBits(string(key.secret)) < minSecretBits:
			found = append(found, fmt.Errorf("%s is easy to guess: it repeats itself or counts; make another (openssl rand -hex 32)", key.name))
		}
	}
	return found
}

// unencrypted returns which addresses would have secrets or creators' data sent in the clear past this machine.
func (c Config) unencrypted() (found []error) {
	if !isHTTPURL(c.PublicAppURL, "https") {
		found = append(found, errors.New("PUBLIC_APP_URL must be https"))
	}
	for name, address := range map[string]string{"SUPABASE_URL": c.SupabaseURL, "PUBLIC_API_URL": c.PublicAPIURL} {
		if address != "" && !isHTTPURL(address, "https") && !isLoopback(address) {
			found = append(found, fmt.Errorf("%s must be https", name))
		}
	}
	for _, v := range c.Vendors() {
		if !isHTTPURL(v.BaseURL, "https") && !isLoopback(v.BaseURL) {
			found = append(found, fmt.Errorf("%s_BASE_URL must be https: a key and the creators' pictures go there", v.Prefix))
		}
	}
	if c.DatabaseURL != "" && !isSafePostgres(string(c.DatabaseURL)) {
		found = append(found, errors.New("DATABASE_URL is an address with sslmode=verify-full, unless the server is on this machine"))
	}
	if c.RedisURL != "" && !isSafeRedis(string(c.RedisURL)) {
		found = append(found, errors.New("REDIS_URL is a rediss:// address with a password, unless the server is on this machine"))
	}
	collector, _ := url.Parse(c.OTLPEndpoint)
	hasCredentials := c.OTLPHeaders != "" || collector != nil && collector.User != nil
	if c.OTLPEndpoint != "" && hasCredentials && !isHTTPURL(c.OTLPEndpoint, "https") && !isLoopback(c.OTLPEndpoint) {
		found = append(found, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must be https: credentials go there"))
	}
	if dsn := string(c.SentryDSN); dsn != "" && !isHTTPURL(dsn, "https") && !isLoopback(dsn) {
		found = append(found, errors.New("SENTRY_DSN must be https: it has a key in it"))
	}
	return found
}

// weakSignIn returns which settings would leave passwords without a defence.
func (c Config) weakSignIn() (found []error) {
	if c.Argon2Parallelism == 0 || !isStrongArgon2(c.Argon2MemoryKiB, c.Argon2Iterations) {
		found = append(found, errors.New("ARGON2_MEMORY_KIB and ARGON2_ITERATIONS are below OWASP's minimum, such as 19456 and 2"))
	}
	if c.AuthMaxFailures > maxAuthFailures {
		found = append(found, fmt.Errorf("AUTH_MAX_FAILURES is %d; more than %d is no defence", c.AuthMaxFailures, maxAuthFailures))
	}
	if c.AuthAddressMaxFailures < c.AuthMaxFailures || c.AuthAddressMaxFailures > maxAddressFailures {
		found = append(found, fmt.Errorf("AUTH_ADDRESS_MAX_FAILURES is %d; it is at least AUTH_MAX_FAILURES, since many people may share an "+
			"address, and at most %d", c.AuthAddressMaxFailures, maxAddressFailures))
	}
	if c.AuthFailureWindow < minFailureWindow {
		found = append(found, fmt.Errorf("AUTH_FAILURE_WINDOW is at least %s", minFailureWindow))
	}
	return found
}

// tooMuchTrust returns which settings would believe strangers, or give cookies to them.
func (c Config) tooMuchTrust() (found []error) {
	for _, network := range c.TrustedProxies {
		address := network.Addr()
		private := address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast()
		least := minProxyBits4
		switch {
		case address.Is6() && private:
			least = 7 // fc00::/7, the private network of IPv6
		case address.Is6():
			least = minProxyBits6
		}
		if network.Bits() < least {
			found = append(found, fmt.Errorf("TRUSTED_PROXIES has %s, in which strangers could choose the address that limits count", network))
		}
	}
	if domain := strings.ToLower(strings.TrimPrefix(c.CSRFCookieDomain, ".")); domain != "" {
		if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
			found = append(found, fmt.Errorf("CSRF_COOKIE_DOMAIN is %q, under which strangers have names", c.CSRFCookieDomain))
		}
	}
	return found
}

// isStrongArgon2 reports whether Argon2id costs as much as one of the choices that OWASP's Password Storage Cheat Sheet calls
// equal, with one thread or more.
func isStrongArgon2(memoryKiB, iterations uint32) bool {
	for least, memory := range map[uint32]uint32{1: 47104, 2: 19456, 3: 12288, 4: 9216, 5: 7168} {
		if iterations >= least && memoryKiB >= memory {
			return true
		}
	}
	return false
}
