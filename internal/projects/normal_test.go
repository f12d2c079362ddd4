package projects_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
)

// A prompt and its normal form are written together, and what the creator wrote stays as it was written.
func TestProjects_keepTheNormalForm(t *testing.T) {
	t.Parallel()
	f := setup(t)
	d := draft()
	d.Prompt.Headline, d.Prompt.Details = "I  built\u200b a robot", new("one\r\ntwo")
	created := f.create(t, d)
	for range 2 {
		require.Equal(t, "I  built\u200b a robot", created.Prompt.Headline)
		require.Equal(t, prompts.Normal{Version: prompts.Version, Prompt: providers.Prompt{Headline: "I built a robot", Details: "one\ntwo"}},
			prompts.Read(created.Prompt.NormalizedJsonb, providers.Prompt{Headline: "not stored"}))
		var err error
		created, err = f.service.Get(t.Context(), f.user.ID, created.ID)
		require.NoError(t, err)
	}

	change := projects.Change{Prompt: &projects.Prompt{Headline: "another\u2028one", Vibe: new("neon")}}
	_, err := f.service.Update(t.Context(), f.user.ID, created.ID, change)
	require.NoError(t, err)
	updated, err := f.service.Get(t.Context(), f.user.ID, created.ID)
	require.NoError(t, err)
	require.Equal(t, prompts.Normal{Version: prompts.Version, Prompt: providers.Prompt{Headline: "another one", Vibe: "neon"}},
		prompts.Read(updated.Prompt.NormalizedJsonb, providers.Prompt{Headline: "not stored"}))
}

// The contract's pattern can't know every character that shows nothing.
func TestCreateProject_400_aHeadlineThatShowsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, headline := range []string{"\u200b", "\u3164 \u2060", "\u202e\u202c"} {
		d := draft()
		d.Prompt.Headline = headline
		_, _, err := f.service.Create(t.Context(), f.user.ID, d, idempotency.Key{})
		fields := apperr.From(err).Fields
		require.Len(t, fields, 1, "%q", headline)
		require.Equal(t, "/prompt/headline", fields[0].Field)
	}
}
