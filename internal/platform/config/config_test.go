package config_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

func production() map[string]string {
	return map[string]string{
		"APP_ENV": "production", "DATABASE_URL": "postgres://mugshot:x7Kq9@db/mugshot?sslmode=verify-full", "REDIS_URL": "rediss://:p4Xz@redis:6379",
		"JWT_SECRET": "7d1fa3c94e8b02657bd93f1c80e6a5427d09b8e3", "SMTP_URL": "smtp://u:v8Wq@mail:587",
		"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "sb_secret_1", "PUBLIC_APP_URL": "https://mugshot.studio",
	}
}

// randomHex is a secret as `openssl rand -hex 32` makes it.
func randomHex(t *testing.T) string {
	t.Helper()
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	require.NoError(t, err)
	return hex.EncodeToString(secret)
}

func TestLoad_developmentNeedsNothing(t *testing.T) {
	t.Parallel()
	c, err := config.Load(nil)
	require.NoError(t, err)
	require.Equal(t, "Tmughsot studio", c.ProjectName)
	require.Equal(t, "/api/v1", c.BasePath)
	require.Equal(t, "http://127.0.0.1:8080", c.PublicAPIURL)
	require.False(t, c.InProduction())
}

func TestLoad_production(t *testing.T) {
	t.Parallel()
	_, err := config.Load(production())
	require.NoError(t, err)
}

func TestLoad_reportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(map[string]string{
		"APP_ENV": "production", "JWT_SECRET": "short", "DATABASE_URL": "postgres://postgres:postgres@db/app",
		"DATABASE_MAX_CONNS": "many", "RATE_LIMIT_FACTOR": "0", "ALLOWED_ORIGINS": "*", "API_V1_STR": "v1",
		"API_USER_STREAMS": "0",
	})
	require.Error(t, err)
	for _, want := range []string{
		"JWT_SECRET has 5 bytes", "DATABASE_URL has a default password", "REDIS_URL is missing", "SMTP_URL is missing",
		"SUPABASE_URL is missing", "SUPABASE_KEY is missing", "DatabaseMaxConns", "RATE_LIMIT_FACTOR", "ALLOWED_ORIGINS", "API_V1_STR",
		"API_USER_STREAMS",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "postgres:postgres", "a problem must not show the secret")
}

func TestLoad_refusesWeakSecretsOutsideDevelopment(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"missing": "", "31 bytes": strings.Repeat("ab", 15) + "c", "repeated": strings.Repeat("a", 40),
		"example": "change-me-change-me-change-me-change-me",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := production()
			environ["JWT_SECRET"] = value
			_, err := config.Load(environ)
			require.ErrorContains(t, err, "JWT_SECRET")
		})
	}
}

// A key and the creators' pictures go to a provider, so only a provider on this machine may be reached without TLS.
func TestLoad_providersAreReachedOverTLS(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://generativelanguage.example": true, "http://127.0.0.1:8100": true, "http://[::1]:8100": true,
		"http://localhost:8100": true, "http://generativelanguage.example": false, "http://127.0.0.1.example": false,
		"ftp://127.0.0.1": false, "generativelanguage.example": false,
	} {
		for _, name := range []string{"GEMINI_BASE_URL", "BYTEDANCE_BASE_URL", "FAL_BASE_URL"} {
			environ := production()
			environ[name] = base
			_, err := config.Load(environ)
			if ok {
				require.NoError(t, err, base)
			} else {
				require.ErrorContains(t, err, name, base)
			}
		}
	}
	_, err := config.Load(map[string]string{"GEMINI_BASE_URL": "http://gemini.test"})
	require.NoError(t, err, "allowed in development")
}

func TestLoad_productionIsReachedOverTLS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PUBLIC_APP_URL", "PUBLIC_API_URL", "SUPABASE_URL"} {
		environ := production()
		environ[name] = "http://example.com"
		_, err := config.Load(environ)
		require.ErrorContains(t, err, name+" must be https")
	}
}

func TestLoad_providerModels(t *testing.T) {
	t.Parallel()
	c, err := config.Load(map[string]string{"PROVIDER_MODELS": "nano_banana=gemini-x,fal_flux=fal-ai/flux/dev"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"nano_banana": "gemini-x", "fal_flux": "fal-ai/flux/dev"}, c.ProviderModels)
}

// A picture may be stored without a row for as long as an attempt lasts. A shorter age would remove pictures whose rows are
// about to be written.
func TestLoad_orphansAreOlderThanAttempts(t *testing.T) {
	t.Parallel()
	for age, fits := range map[string]bool{"50s": false, "51s": true} {
		environ := production()
		environ["WORKER_GENERATE_DEADLINE"], environ["JOB_LEASE"], environ["STORAGE_ORPHAN_AGE"] = "30s", "10s", age
		_, err := config.Load(environ)
		if fits {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "STORAGE_ORPHAN_AGE")
		}
	}
}

func TestSecret_isHiddenWhereverItIsPrinted(t *testing.T) {
	t.Parallel()
	environ := production()
	c, err := config.Load(environ)
	require.NoError(t, err)
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), string(encoded)} {
		for _, name := range []string{"DATABASE_URL", "REDIS_URL", "JWT_SECRET", "SMTP_URL", "SUPABASE_KEY"} {
			require.NotContains(t, shown, environ[name])
		}
	}
}

// Operators read the example, so it must have every variable, no other, and the right defaults.
func TestEnvExample_matchesConfig(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../../../.env.example")
	require.NoError(t, err)
	defer file.Close()
	example, err := godotenv.Parse(file)
	require.NoError(t, err)
	for field := range reflect.TypeFor[config.Config]().Fields() {
		if !field.IsExported() {
			continue
		}
		tag := field.Tag
		name := tag.Get("env")
		value, ok := example[name]
		require.True(t, ok, "%s is not in .env.example", name)
		require.Equal(t, tag.Get("envDefault"), value, name)
		delete(example, name)
	}
	require.Empty(t, example, "names in .env.example that nothing reads")
}
