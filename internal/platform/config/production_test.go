package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// Each case is a setting that production must not start with; the error names the setting and quotes no secret.
func TestLoad_productionRefusesWhatIsWeak(t *testing.T) {
	t.Parallel()
	for name, weak := range map[string]struct{ setting, value string }{
		"a previous secret that is short":        {"JWT_SECRET_PREVIOUS", "short"},
		"a previous secret that repeats itself":  {"JWT_SECRET_PREVIOUS", "abababababababababababababababababababab"},
		"the second previous secret":             {"JWT_SECRET_PREVIOUS", "9c1f7be04ad2683e51b7c0d94f2a8e6d3b5a1c7e8f90d2b4,abcabcabcabcabcabcabcabcabcabcabcabc"},
		"a secret of two characters":             {"JWT_SECRET", "abababababababababababababababababababab"},
		"a secret that counts":                   {"JWT_SECRET", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		"a secret that counts down":              {"JWT_SECRET", "zyxwvutsrqponmlkjihgfedcbazyxwvutsrqponmlkjihgfedcba"},
		"a word, over and over":                  {"JWT_SECRET", "mugshotmugshotmugshotmugshotmugshotmugshot"},
		"Postgres in the clear":                  {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot?sslmode=disable"},
		"Postgres as pgx would have it":          {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot"},
		"Postgres without a look at who answers": {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot?sslmode=require"},
		"the last mode of two":                   {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot?sslmode=verify-full&sslmode=disable"},
		"a host in a parameter":                  {"DATABASE_URL", "postgres://mugshot:x7Kq9@127.0.0.1/mugshot?host=db"},
		"one host of several":                    {"DATABASE_URL", "postgres://mugshot:x7Kq9@127.0.0.1:5432,db:5432/mugshot"},
		"a host that begins like this machine":   {"DATABASE_URL", "postgres://mugshot:x7Kq9@localhost.example/mugshot"},
		"an address that is none":                {"DATABASE_URL", "db"},
		"a mode that falls back":                 {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot?sslmode=prefer"},
		"Postgres in libpq's other form":         {"DATABASE_URL", "host=db user=mugshot password=x7Kq9 sslmode=disable"},
		"Redis without a password":               {"REDIS_URL", "rediss://redis:6379"},
		"Redis with a name alone":                {"REDIS_URL", "rediss://default@redis:6379"},
		"Redis in the clear":                     {"REDIS_URL", "redis://:p4Xz@redis:6379"},
		"less memory than OWASP's minimum":       {"ARGON2_MEMORY_KIB", "8192"},
		"fewer iterations than OWASP's minimum":  {"ARGON2_ITERATIONS", "1"},
		"a million wrong passwords":              {"AUTH_MAX_FAILURES", "1000000"},
		"a million of them from one address":     {"AUTH_ADDRESS_MAX_FAILURES", "1000000"},
		"fewer from an address than of one":      {"AUTH_ADDRESS_MAX_FAILURES", "4"},
		"a window of no length":                  {"AUTH_FAILURE_WINDOW", "1s"},
		"every address is a proxy":               {"TRUSTED_PROXIES", "0.0.0.0/0"},
		"half of all addresses":                  {"TRUSTED_PROXIES", "10.0.0.0/8,128.0.0.0/1"},
		"every address of IPv6":                  {"TRUSTED_PROXIES", "::/0"},
		"a public suffix":                        {"CSRF_COOKIE_DOMAIN", "co.uk"},
		"a public suffix with a dot":             {"CSRF_COOKIE_DOMAIN", ".vercel.app"},
		"a top-level domain":                     {"CSRF_COOKIE_DOMAIN", "STUDIO"},
		"Sentry in the clear":                    {"SENTRY_DSN", "http://key@sentry.example/1"},
		"a collector's password in the clear":    {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:word@collector.example:4318"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := production()
			environ[weak.setting] = weak.value
			_, err := config.Load(environ)
			require.ErrorContains(t, err, weak.setting)
			for _, secret := range []string{"x7Kq9", "p4Xz", "abab", "abcabc", "user:word", "key@"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
	environ := production()
	environ["OTEL_EXPORTER_OTLP_ENDPOINT"], environ["OTEL_EXPORTER_OTLP_HEADERS"] = "http://collector.example:4318", "Authorization=Bearer%20x"
	_, err := config.Load(environ)
	require.ErrorContains(t, err, "OTEL_EXPORTER_OTLP_ENDPOINT must be https")
}

func TestLoad_productionTakesWhatIsStrong(t *testing.T) {
	t.Parallel()
	for name, strong := range map[string]struct{ setting, value string }{
		"a previous secret":              {"JWT_SECRET_PREVIOUS", "9c1f7be04ad2683e51b7c0d94f2a8e6d3b5a1c7e8f90d2b46a7c1e0f5d3b9a82"},
		"a secret in base64":             {"JWT_SECRET", "q83vEjRWeJCrze8SNFZ4kNzK7b2PxT0wYlUa5mHsGfI="},
		"a secret of 128 bits":           {"JWT_SECRET", "5f2b9c4e7a1d8036c9e5b2f47d0a6183"},
		"Postgres on this machine":       {"DATABASE_URL", "postgres://mugshot:x7Kq9@127.0.0.1:5432/mugshot?sslmode=disable"},
		"Postgres at a Unix socket":      {"DATABASE_URL", "postgres://mugshot@/mugshot?host=/run/postgresql"},
		"Postgres at two hosts":          {"DATABASE_URL", "postgres://mugshot:x7Kq9@a:5432,b:5432/mugshot?sslmode=verify-full"},
		"Postgres in libpq's other form": {"DATABASE_URL", "host=db user=mugshot password=x7Kq9 sslmode=verify-full"},
		"a certificate to come":          {"DATABASE_URL", "postgres://mugshot:x7Kq9@db/mugshot?sslmode=verify-full&sslrootcert=/no/such/file"},
		"Redis on this machine":          {"REDIS_URL", "redis://[::1]:6379"},
		"OWASP's other minimum":          {"ARGON2_MEMORY_KIB", "47104"},
		"as many failures as NIST lets":  {"AUTH_MAX_FAILURES", "100"},
		"a private network":              {"TRUSTED_PROXIES", "10.0.0.0/8"},
		"the private network of IPv6":    {"TRUSTED_PROXIES", "fc00::/7"},
		"a content network":              {"TRUSTED_PROXIES", "104.16.0.0/13,2400:cb00::/32"},
		"the domain of app and API":      {"CSRF_COOKIE_DOMAIN", ".mugshot.studio"},
		"a collector beside it":          {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"},
		"a collector without password":   {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := production()
			environ[strong.setting] = strong.value
			_, err := config.Load(environ)
			require.NoError(t, err)
		})
	}
}

// Random secrets of the recommended form have to pass, whichever they are.
func TestLoad_productionTakesRandomSecrets(t *testing.T) {
	t.Parallel()
	for range 2000 {
		environ := production()
		environ["JWT_SECRET"] = randomHex(t)
		_, err := config.Load(environ)
		require.NoError(t, err)
	}
}

func TestLoad_developmentIsFree(t *testing.T) {
	t.Parallel()
	_, err := config.Load(map[string]string{
		"DATABASE_URL": "postgres://postgres:postgres@db/app", "REDIS_URL": "redis://redis:6379", "TRUSTED_PROXIES": "0.0.0.0/0",
		"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1", "AUTH_MAX_FAILURES": "1000000",
	})
	require.NoError(t, err)
}

// An API holds neither the mail server's password nor the vendors' keys, and says what the workers draw with.
func TestLoadAPI_needsNoSecretsOfWorkers(t *testing.T) {
	t.Parallel()
	environ := production()
	delete(environ, "SMTP_URL")
	environ["PROVIDERS_OFFERED"] = "gemini,fal"
	_, err := config.Load(environ)
	require.ErrorContains(t, err, "SMTP_URL is missing")
	require.ErrorContains(t, err, "PROVIDERS_OFFERED has gemini")
	c, err := config.LoadAPI(environ)
	require.NoError(t, err)
	vendors := c.Vendors()
	require.True(t, vendors["gemini"].Offered)
	require.True(t, vendors["fal"].Offered)
	require.False(t, vendors["seedream"].Offered)
	environ["PROVIDERS_OFFERED"] = "gemini,openai"
	_, err = config.LoadAPI(environ)
	require.ErrorContains(t, err, `PROVIDERS_OFFERED has "openai"`)
}
