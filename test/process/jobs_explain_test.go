package process_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

func TestJobsExplain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	api := s.api(t)
	ada := s.creator(t, api, 10)
	waiting := ada.queue(t, api, client.QualityDraft, 1).String()
	code, said := run(t, s.dir, s.env(), "jobs", "explain", waiting)
	require.Zero(t, code, said)
	require.Contains(t, said, "queued, stage waiting")
	require.Contains(t, said, "It waits because no worker has taken its id from Redis.")

	unknown := uuid.NewString()
	code, said = run(t, s.dir, s.env(), "jobs", "explain", unknown)
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "there is no job "+unknown)
	code, said = run(t, s.dir, s.env(), "jobs", "explain", "0198c0de")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, `"0198c0de" is not the id of a job`)
	code, said = run(t, s.dir, s.env(), "jobs", "explain")
	require.Equal(t, 2, code, said)
}
