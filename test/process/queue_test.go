package process_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// atOnce sends an order n times concurrently, alternately to two API processes.
func (c creator) atOnce(t *testing.T, apis [2]*process, n int, key *string) []*client.QueueProjectResponse {
	t.Helper()
	answers := make([]*client.QueueProjectResponse, n)
	failures := make([]error, n)
	var sending sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		sending.Go(func() {
			<-begin
			answers[i], failures[i] = c.at(apis[i%2]).QueueProjectWithResponse(t.Context(), c.project,
				&client.QueueProjectParams{IdempotencyKey: key}, client.QueueRequest{Quality: client.QualityDraft, Variants: 1})
		})
	}
	close(begin)
	sending.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	return answers
}

func TestQueueProject_409_fiftyAtOnceOnCreditsForTen(t *testing.T) {
	t.Parallel()
	f := setup(t)
	apis := [2]*process{f.api(t), f.api(t)}
	ada := f.creator(t, apis[0], 10)
	var ids []uuid.UUID
	refused := 0
	for _, answer := range ada.atOnce(t, apis, 50, nil) {
		switch answer.StatusCode() {
		case http.StatusCreated:
			ids = append(ids, answer.JSON201.JobID)
		case http.StatusConflict:
			refused++
			require.EqualValues(t, "insufficient_credits", answer.JSON409.Error.Code)
		default:
			require.Fail(t, "neither queued nor refused", string(answer.Body))
		}
	}
	require.Len(t, ids, 10)
	require.Equal(t, 40, refused)
	require.Equal(t, 10, f.count(t, "select count(*) from jobs"))
	require.Equal(t, 10, f.count(t, "select count(*) from audit_logs where action = 'job_charge'"))
	require.Zero(t, f.balance(t, ada))

	f.worker(t)
	for i, id := range ids {
		ada.awaitSuccess(t, apis[i%2], id)
	}
	f.audit(t)
	require.Zero(t, f.balance(t, ada))
}

// One order that is sent twenty times under one idempotency key becomes one job.
func TestQueueProject_201_twentyAtOnceWithOneKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	apis := [2]*process{f.api(t), f.api(t)}
	ada := f.creator(t, apis[0], 10)
	key := uuid.NewString()
	seen := map[uuid.UUID]int{}
	for _, answer := range ada.atOnce(t, apis, 20, &key) {
		require.NotNil(t, answer.JSON201, string(answer.Body))
		seen[answer.JSON201.JobID]++
	}
	require.Len(t, seen, 1)
	require.Equal(t, 1, f.count(t, "select count(*) from jobs"))
	require.EqualValues(t, 9, f.balance(t, ada))
}

// While Redis is down, requests can't be counted, so that an order is refused and costs nothing. When Redis is back, everything
// goes on by itself.
func TestQueueProject_503_redisAway(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t)
	ada := f.creator(t, api, 10)
	f.redis.Kill()
	begun := time.Now()
	answer, err := ada.at(api).QueueProjectWithResponse(t.Context(), ada.project, nil,
		client.QueueRequest{Quality: client.QualityDraft, Variants: 1})
	require.NoError(t, err)
	t.Logf("refused after %s", time.Since(begun))
	require.NotNil(t, answer.JSON503, string(answer.Body))
	require.NotEmpty(t, answer.HTTPResponse.Header.Get("Retry-After"))
	require.Zero(t, f.count(t, "select count(*) from jobs"))
	require.EqualValues(t, 10, f.balance(t, ada))
	for _, address := range []string{api.http, worker.admin} { // a look counts for a second
		eventuallyf(t, func() bool { return status(t.Context(), "http://"+address+"/readyz") == http.StatusServiceUnavailable }, "not ready at %s", address)
	}
	require.Equal(t, http.StatusOK, status(t.Context(), "http://"+api.http+"/healthz"))

	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	require.NoError(t, f.redis.Restart(ctx))
	api.awaitReady(t, api.http)
	ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	worker.awaitReady(t, worker.admin)
	f.audit(t)
	require.EqualValues(t, 9, f.balance(t, ada))
}
