package edge

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
)

func TestIdempotencyKey_isOfTheRequestsMeaning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var key idempotency.Key
	queue := b.impl.queueProject
	b.impl.queueProject = func(ctx context.Context, r api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error) {
		var err error
		key, err = IdempotencyKey("queueProject", r.Params.IdempotencyKey, r.ProjectID, r.Body)
		require.NoError(t, err)
		return queue(ctx, r)
	}
	ask := func(id, body, header string) idempotency.Key {
		require.Equal(t, http.StatusCreated, b.do(http.MethodPost, base+"/project/"+id+"/queue", body, "Idempotency-Key", header).Code)
		return key
	}
	other := uuid.NewString()
	first := ask(aUUID, `{"quality":"std","variants":1}`, "k1")
	require.Equal(t, "queueProject", first.Operation)
	require.Equal(t, "k1", first.Value)
	require.NotZero(t, first.Hash)
	require.Equal(t, first, ask(aUUID, ` {"variants" : 1, "quality":"\u0073td"}`, "k1"), "spelling makes no difference")
	require.NotEqual(t, first.Hash, ask(aUUID, `{"quality":"std","variants":2}`, "k1").Hash, "another body")
	require.NotEqual(t, first.Hash, ask(other, `{"quality":"std","variants":1}`, "k1").Hash, "another project")
	require.Zero(t, ask(aUUID, `{"quality":"std","variants":1}`, ""))

	a, err := IdempotencyKey("x", new(string), "ab", "c")
	require.NoError(t, err)
	c, err := IdempotencyKey("x", new(string), "a", "bc")
	require.NoError(t, err)
	require.NotEqual(t, a.Hash, c.Hash, "parts don't run into each other")
	_, err = IdempotencyKey("x", new(string), make(chan int))
	require.Error(t, err)
}

func TestIdempotentReplayed_isPresentOnRepeats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	queue := b.impl.queueProject
	replayed := false
	b.impl.queueProject = func(ctx context.Context, r api.QueueProjectRequestObject) (api.QueueProjectResponseObject, error) {
		res, err := queue(ctx, r)
		answer, ok := res.(api.QueueProject201JSONResponse)
		require.True(t, ok)
		answer.Headers.IdempotentReplayed = IdempotentReplayed(replayed)
		return answer, err
	}
	ask := func() string {
		return b.do(http.MethodPost, base+"/project/"+aUUID+"/queue", `{"quality":"std","variants":1}`).Header().Get("Idempotent-Replayed")
	}
	require.Empty(t, ask())
	replayed = true
	require.Equal(t, "true", ask())
}
