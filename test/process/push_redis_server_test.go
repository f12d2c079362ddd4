//go:build redis_server

package process_test

import (
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// Redis refuses nothing of the API but the push of tasks. The job is queued nevertheless, and the sweeper pushes it.
func TestQueueProject_201_pushFailed(t *testing.T) {
	t.Parallel()
	redis := redistest.Real(t)
	f := setupOn(t, redis)
	f.command(t, "ACL", "SETUSER", "api", "on", ">secret-of-the-api", "~*", "&*", "+@all", "-lpush")
	u, err := url.Parse(redis.URL())
	require.NoError(t, err)
	u.User = url.UserPassword("api", "secret-of-the-api")
	api := f.api(t, "REDIS_URL="+u.String())
	f.worker(t)
	f.awaitRestored(t) // the first sweep pushes all that waits, since Redis is new
	ada := f.creator(t, api, 10)

	id := ada.queue(t, api, client.QualityDraft, 1)
	queued := time.Now()
	require.EqualValues(t, 1, ada.awaitSuccess(t, api, id).Attempt)
	t.Logf("done %s after an order whose push had failed", time.Since(queued))
	require.Contains(t, api.output.String(), "job not pushed")
	f.audit(t)
	require.EqualValues(t, 9, f.balance(t, ada))
}

// A Redis that accepts connections and answers nothing counts as down: requests that need it are refused soon, and the others
// go on.
func TestQueueProject_503_redisHangs(t *testing.T) {
	t.Parallel()
	f := setupOn(t, redistest.Real(t))
	api := f.api(t)
	ada := f.creator(t, api, 10)
	first := ada.queue(t, api, client.QualityDraft, 1)
	pid := regexp.MustCompile(`process_id:(\d+)`).FindStringSubmatch(f.command(t, "INFO", "server"))
	require.Len(t, pid, 2)
	n, err := strconv.Atoi(pid[1])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(n, syscall.SIGSTOP))
	thaw := sync.OnceFunc(func() { require.NoError(t, syscall.Kill(n, syscall.SIGCONT)) })
	t.Cleanup(thaw)

	begun := time.Now()
	answer, err := ada.at(api).QueueProjectWithResponse(t.Context(), ada.project, nil,
		client.QueueRequest{Quality: client.QualityDraft, Variants: 1})
	require.NoError(t, err)
	t.Logf("refused after %s", time.Since(begun))
	require.NotNil(t, answer.JSON503, string(answer.Body))
	require.Equal(t, client.JobStatusQueued, ada.job(t, api, first).Status)

	thaw()
	f.worker(t)
	ada.awaitSuccess(t, api, first)
	ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	f.audit(t)
	require.EqualValues(t, 8, f.balance(t, ada))
}
