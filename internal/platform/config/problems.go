package config

import (
	"fmt"
	"log/slog"
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

// minUnconfirmed leaves time for a mail that greylisting delays, and for the code in it.
const minUnconfirmed = time.Hour

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
	must(c.UserStreams > 0, "API_USER_STREAMS must be positive")
	must(c.UnconfirmedTTL >= minUnconfirmed, "UNCONFIRMED_ACCOUNT_TTL is at least %s: a mail may take its time", minUnconfirmed)
	must(c.AuthMaxFailures > 0, "AUTH_MAX_FAILURES must be positive")
	must(c.AuthAddressMaxFailures > 0, "AUTH_ADDRESS_MAX_FAILURES must be positive")
	must(c.SignupBonusCredits >= 0, "SIGNUP_BONUS_CREDITS can't be negative")
	must(c.GenerateSlots > 0 && c.MailSlots > 0, "WORKER_GENERATE_SLOTS and WORKER_MAIL_SLOTS must be positive")
	must(c.ReplySlots > 0 && c.ReplyDeadline > 0, "WORKER_REPLY_SLOTS and WORKER_REPLY_DEADLINE must be positive")
	must(c.UserReplies > 0, "CHAT_USER_REPLIES must be positive")
	must(c.UserJobs > 0 && c.ProviderMaxCalls > 0, "WORKER_USER_JOBS and PROVIDER_MAX_CALLS must be positive")
	must(c.JobMaxAge > c.GenerateDeadline, "JOB_MAX_AGE must be longer than WORKER_GENERATE_DEADLINE")
	must(c.StorageOrphanAge > c.GenerateDeadline+c.JobLease+endTries,
		"STORAGE_ORPHAN_AGE must be longer than WORKER_GENERATE_DEADLINE, JOB_LEASE and %s together: "+
			"a picture may lie there for that long before its row is written", endTries)
	must(c.StorageSweepGrace >= 0, "STORAGE_SWEEP_GRACE can't be negative")
	for _, v := range c.Vendors() {
		must(isHTTPURL(v.BaseURL, "http", "https"), "%s_BASE_URL is %q; it is an http(s) URL", v.Prefix, v.BaseURL)
		must(v.PerMinute >= Unlimited, "%s_RPM can't be negative; %d is no limit", v.Prefix, Unlimited)
	}
	for _, name := range c.ProvidersOffered {
		v, known := c.Vendors()[name]
		must(known, "PROVIDERS_OFFERED has %q; it is a list of gemini, seedream and fal", name)
		must(!known || c.servesOnly || v.Key != "", "PROVIDERS_OFFERED has %s, but this process draws and has no key for it", name)
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
	for _, key := range c.signingKeys() {
		must(len(key.secret) >= minSecretBytes, "%s has %d bytes; it needs %d (openssl rand -hex 32)", key.name, len(key.secret), minSecretBytes)
	}
	if c.InProduction() {
		found = append(found, c.productionProblems()...)
	}
	return found
}
