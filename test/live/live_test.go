//go:build live

// Package live_test calls the real vendors, which costs some cents: one picture from each model whose key is in the environment,
// and one reply. Only `make test-live` runs it.
package live_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// settings lists the variables that are passed on to the application.
var settings = []string{
	"GEMINI_API_KEY", "BYTEDANCE_API_KEY", "FAL_KEY", "GEMINI_BASE_URL", "BYTEDANCE_BASE_URL", "FAL_BASE_URL", "PROVIDER_MODELS",
}

// models are those of each vendor, by the variable of its key.
func models() map[string][]client.ModelID {
	return map[string][]client.ModelID{
		"GEMINI_API_KEY":    {client.ModelIDNanoBanana, client.ModelIDNanoBananaPro},
		"BYTEDANCE_API_KEY": {client.ModelIDSeedream},
		"FAL_KEY":           {client.ModelIDFalFlux},
	}
}

// A run without any key would show nothing, and fails.
func TestLive_hasAKey(t *testing.T) {
	t.Parallel()
	for name := range models() {
		if os.Getenv(name) != "" {
			return
		}
	}
	require.Fail(t, "none of the vendors' keys is set", "%s", slices.Sorted(maps.Keys(models())))
}

func TestLive_drawsAPicture(t *testing.T) {
	t.Parallel()
	var offered []client.ModelID
	for name, ids := range models() {
		if os.Getenv(name) != "" {
			offered = append(offered, ids...)
		}
	}
	for _, model := range offered {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			options := []apptest.Option{apptest.WithWorker()}
			for _, name := range settings {
				options = append(options, apptest.With(name, os.Getenv(name)))
			}
			app := apptest.New(t, options...)
			who := app.SignUp(t)
			app.Grant(t, who.Email, 10)
			project, err := who.CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
				Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube,
				Prompt: client.Prompt{Headline: "I built a robot", Vibe: new("bright workshop")},
			})
			require.NoError(t, err)
			require.NotNil(t, project.JSON201, "%s", project.Body)
			queued, err := who.QueueProjectWithResponse(t.Context(), project.JSON201.ID, nil,
				client.QueueRequest{Model: &model, Quality: client.QualityDraft, Variants: 1})
			require.NoError(t, err)
			require.NotNil(t, queued.JSON201, "%s", queued.Body)

			var job client.Job
			require.Eventually(t, func() bool {
				res, err := who.GetJobWithResponse(t.Context(), queued.JSON201.JobID)
				require.NoError(t, err)
				job = *res.JSON200
				return job.Status != client.JobStatusQueued && job.Status != client.JobStatusRunning
			}, 5*time.Minute, time.Second)
			require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
			meta := job.ProviderMeta.MustGet()
			require.NotEqual(t, "local", meta.ProviderName)
			t.Logf("%+v", meta)
		})
	}
}

func TestLive_writesAReply(t *testing.T) {
	t.Parallel()
	key := os.Getenv("GEMINI_API_KEY")
	if key == "" {
		return // the only vendor that writes replies; TestLive_hasAKey says when there is none at all
	}
	vendor, err := gemini.New(gemini.Config{Key: key, BaseURL: os.Getenv("GEMINI_BASE_URL"), Now: time.Now})
	require.NoError(t, err)
	defer vendor.Close()
	var said strings.Builder
	meta, err := vendor.Reply(t.Context(), providers.TextRequest{
		MessageID: uuid.New(), Model: "gemini-3.8-flash", System: "Answer in one short sentence.", MaxTokens: 2000,
		Turns: []providers.Turn{{FromCreator: true, Text: "What makes a thumbnail readable?"}},
	}, func(piece string) error {
		said.WriteString(piece)
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, said.String())
	t.Logf("%+v: %s", meta, said.String())
}
