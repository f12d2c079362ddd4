package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// minSecretBytes is the least length of an HS256 key (RFC 7518, 3.2).
const minSecretBytes = 32

// endTries is how long a worker tries to store the end of an attempt after its deadline; see internal/jobs.
const endTries = 10 * time.Second

// minLease leaves a worker time to renew a lease three times over a slow network.
const minLease = time.Second

// minOpenFor is how often processes look which breakers are open.
const minOpenFor = time.Second

// problems returns everything that is wrong, so that an operator can correct it all at once.
func (c Config) problems() []error {
	var found []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			found = append(found, fmt.Errorf(format, args...))
		}
	}
	must(c.Env == Development || c.Env == Production, "APP_ENV is %q; it is %s or %s", c.Env, Development, Production)
	must(strings.HasPrefix(c.BasePath, "/") && len(c.BasePath) > 1, "API_V1_STR is %q; it is a path such as /api/v1", c.BasePath)
	must(new(slog.Level).UnmarshalText([]byte(c.LogLevel)) == nil, "LOG_LEVEL is %q; it is debug, info, warn or error", c.LogLevel)
	must(isHTTPURL(c.PublicAppURL, "http", "https"), "PUBLIC_APP_URL is %q; it is an http(s) URL", c.PublicAppURL)
	must(c.PublicAPIURL == "" || isHTTPURL(c.PublicAPIURL, "http", "https"), "PUBLIC_API_URL is %q; it is an http(s) URL", c.PublicAPIURL)
	must(c.SupabaseURL == "" || isHTTPURL(c.SupabaseURL, "http", "https"), "SUPABASE_URL is %q; it is an http(s) URL", c.SupabaseURL)
	must((c.SupabaseURL == "") == (c.SupabaseKey == ""), "SUPABASE_URL and SUPABASE_KEY come together, or not at all")
	must(c.DatabaseMaxConns > 1, "DATABASE_MAX_CONNS is at least 2: the sweeper holds its lock on one and works on another")
	must(c.RateLimitFactor > 0, "RATE_LIMIT_FACTOR must be positive")
	must(c.AuthMaxFailures > 0, "AUTH_MAX_FAILURES must be positive")
	must(c.SignupBonusCredits >= 0, "SIGNUP_BONUS_CREDITS can't be negative")
	must(c.GenerateSlots > 0 && c.MailSlots > 0, "WORKER_GENERATE_SLOTS and WORKER_MAIL_SLOTS must be positive")
	must(c.ReplySlots > 0 && c.ReplyDeadline > 0, "WORKER_REPLY_SLOTS and WORKER_REPLY_DEADLINE must be positive")
	must(c.UserReplies > 0, "CHAT_USER_REPLIES must be positive")
	must(c.UserJobs > 0 && c.ProviderMaxCalls > 0, "WORKER_USER_JOBS and PROVIDER_MAX_CALLS must be positive")
	must(c.JobMaxAge > c.GenerateDeadline, "JOB_MAX_AGE must be longer than WORKER_GENERATE_DEADLINE")
	must(c.StorageOrphanAge > c.GenerateDeadline+c.JobLease+endTries,
		"STORAGE_ORPHAN_AGE must be longer than WORKER_GENERATE_DEADLINE, JOB_LEASE and %s together: "+
			"a picture may lie there for that long before its row is written", endTries)
	for _, v := range c.Vendors() {
		must(isHTTPURL(v.BaseURL, "http", "https"), "%s_BASE_URL is %q; it is an http(s) URL", v.Prefix, v.BaseURL)
		must(v.PerMinute >= Unlimited, "%s_RPM can't be negative; %d is no limit", v.Prefix, Unlimited)
	}
	must(c.OTLPEndpoint == "" || isHTTPURL(c.OTLPEndpoint, "http", "https"),
		"OTEL_EXPORTER_OTLP_ENDPOINT is %q; it is the http(s) URL of a collector that takes OTLP over HTTP", c.OTLPEndpoint)
	_, err := c.OTLPHeaderMap()
	must(err == nil, "OTEL_EXPORTER_OTLP_HEADERS is a list of name=value, separated by commas")
	must(c.OTelShare >= 0 && c.OTelShare <= 1, "OTEL_TRACES_SAMPLER_ARG is a share of all traces, between 0 and 1")
	must(c.SentryDSN == "" || isHTTPURL(string(c.SentryDSN), "http", "https"), "SENTRY_DSN is not the address that Sentry shows for a project")
	must(c.ProviderFailures > 0 && c.ProviderOpenFor >= minOpenFor, "PROVIDER_FAILURES must be positive, PROVIDER_REST at least %s", minOpenFor)
	must(c.ImageMemoryMiB > 0 && c.ImageChecks > 0 && c.ImageMaxWait > 0, "IMAGE_MEMORY_MIB, IMAGE_CHECKS and IMAGE_PATIENCE must be positive")
	must(c.DrainGrace >= 0 && c.DrainTimeout > 0, "DRAIN_GRACE can't be negative, and DRAIN_TIMEOUT must be positive")
	must(c.JobLease >= minLease, "JOB_LEASE is at least %s", minLease)
	must(!slices.Contains(c.AllowedOrigins, "*"), "ALLOWED_ORIGINS names origins; * would let every site act for its visitors")
	if c.JWTSecret != "" {
		must(len(c.JWTSecret) >= minSecretBytes, "JWT_SECRET has %d bytes; it needs %d (openssl rand -hex 32)", len(c.JWTSecret), minSecretBytes)
	}
	if c.InProduction() {
		found = append(found, c.productionProblems()...)
	}
	return found
}

// isLoopback reports whether a URL points to this machine, where a test or a proxy may answer without TLS.
func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && address.IsLoopback()
}

// productionProblems returns what is wrong in production only.
func (c Config) productionProblems() []error {
	var found []error
	required := []struct {
		name  string
		value string
	}{
		{"DATABASE_URL", string(c.DatabaseURL)},
		{"REDIS_URL", string(c.RedisURL)},
		{"JWT_SECRET", string(c.JWTSecret)},
		{"SMTP_URL", string(c.SMTPURL)},
		{"SUPABASE_URL", c.SupabaseURL},
		{"SUPABASE_KEY", string(c.SupabaseKey)},
	}
	for _, r := range required {
		if r.value == "" {
			found = append(found, fmt.Errorf("%s is missing", r.name))
		}
	}
	for name, value := range map[string]Secret{"DATABASE_URL": c.DatabaseURL, "REDIS_URL": c.RedisURL, "SMTP_URL": c.SMTPURL} {
		if hasDefaultPassword(string(value)) {
			found = append(found, fmt.Errorf("%s has a default password", name))
		}
	}
	if c.JWTSecret != "" && strings.Count(string(c.JWTSecret), string(c.JWTSecret)[:1]) == len(c.JWTSecret) {
		found = append(found, errors.New("JWT_SECRET is one character repeated"))
	}
	if isExampleSecret(string(c.JWTSecret)) {
		found = append(found, errors.New("JWT_SECRET is an example; make your own (openssl rand -hex 32)"))
	}
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
	slices.SortFunc(found, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return found
}

// hasDefaultPassword reports whether a URL has one of the passwords that images and tutorials come with.
func hasDefaultPassword(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return false
	}
	password, _ := u.User.Password()
	return slices.Contains([]string{
		"postgres", "password", "passw0rd", "secret", "changeme", "change-me", "admin", "root", "redis", "mugshot", "example", "your-password",
	}, strings.ToLower(password))
}

func isExampleSecret(secret string) bool {
	lower := strings.ToLower(secret)
	return strings.Contains(lower, "change-me") || strings.Contains(lower, "changeme") || strings.Contains(lower, "your-secret")
}
