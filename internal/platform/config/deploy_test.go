package config_test

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// The settings of an overlay of deploy/kubernetes, with the secrets that docs/deployment.md asks for, are complete: an API
// starts in production with the shared ones, and a worker with its own besides.
func TestLoad_overlaysAreComplete(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "..", "deploy", "kubernetes")
	overlays, err := filepath.Glob(filepath.Join(folder, "overlays", "*", "settings.env"))
	require.NoError(t, err)
	require.NotEmpty(t, overlays)
	for _, overlay := range overlays {
		environ, err := godotenv.Read(filepath.Join(folder, "base", "settings.env"))
		require.NoError(t, err)
		more, err := godotenv.Read(overlay)
		require.NoError(t, err)
		maps.Copy(environ, more)
		for _, secret := range []string{"DATABASE_URL", "SUPABASE_KEY", "REDIS_URL", "JWT_SECRET"} {
			require.NotContains(t, environ, secret, "%s is a secret", secret)
			environ[secret] = production()[secret]
		}
		c, err := config.LoadAPI(environ)
		require.NoError(t, err, overlay)
		require.True(t, c.InProduction())
		require.True(t, c.Vendors()["gemini"].Offered)
		for secret, value := range map[string]string{"SMTP_URL": production()["SMTP_URL"], "GEMINI_API_KEY": "g-1"} {
			require.NotContains(t, environ, secret, "%s is a secret of workers", secret)
			environ[secret] = value
		}
		_, err = config.Load(environ)
		require.NoError(t, err, overlay)
	}
}
