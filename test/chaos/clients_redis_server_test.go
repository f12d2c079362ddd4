//go:build redis_server

package chaos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// clients queue jobs, cancel some and follow others, through both APIs.
type clients struct {
	fixture  *fixture
	creators []*creator
	running  sync.WaitGroup // of cancels and readers
	healed   atomic.Bool    // the faults have ended: readers may give up some time after this

	mu         sync.Mutex
	known      map[uuid.UUID]struct{} // jobs that an API answered with
	repeats    int
	cancels    int
	watched    int
	waiting    []string // jobs whose end a reader never saw
	unanswered []string // cancels that an API never answered
}

// creator is an account with credits, projects and a session at each API.
type creator struct {
	projects []uuid.UUID
	bearers  []string
	random   *rand.Rand
}

const (
	goodPassword = "paint-the-sky-9"
	balance      = 10_000
)

func newClients(t *testing.T, f *fixture, n int) *clients {
	t.Helper()
	c := &clients{fixture: f, known: map[uuid.UUID]struct{}{}}
	s := factory.StoreAt(t, f.postgres.DSN("chaos"))
	hasher, err := password.New(password.Params{Memory: 64, Iterations: 1, Parallelism: 1}, 0)
	require.NoError(t, err)
	hash, err := hasher.Hash(t.Context(), goodPassword)
	require.NoError(t, err)
	for i := range n {
		c.creators = append(c.creators, c.signIn(t, s, hash, rand.New(rand.NewPCG(f.seed, uint64(i+1)))))
	}
	return c
}

func (c *clients) signIn(t *testing.T, s *postgres.Store, hash string, random *rand.Rand) *creator {
	t.Helper()
	user := factory.User(t, s, balance)
	_, err := c.fixture.sql.Exec(t.Context(), "update users set password_hash = $1 where id = $2", hash, user.ID)
	require.NoError(t, err)
	who := &creator{random: random}
	for range 3 {
		project := factory.Project(t, s, user.ID, func(p *db.ProjectCreateParams) { p.Width, p.Height = width, height })
		who.projects = append(who.projects, project.ID)
	}
	for i := range c.fixture.apis() { // a session begun under one clock is not yet valid under another
		who.bearers = append(who.bearers, "")
		answer, err := c.at(who, i).SignInWithResponse(t.Context(), client.SignInRequest{Email: user.Email, Password: goodPassword})
		require.NoError(t, err)
		require.NotNil(t, answer.JSON200, string(answer.Body))
		who.bearers[i] = answer.JSON200.SessionToken
	}
	return who
}

// at returns the creator's client of one of the APIs.
func (c *clients) at(who *creator, api int) *client.ClientWithResponses {
	out, err := client.NewClientWithResponses("http://"+c.fixture.apis()[api].http+"/api/v1", client.WithHTTPClient(web),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if who.bearers[api] != "" {
				r.Header.Set("Authorization", "Bearer "+who.bearers[api])
			}
			return nil
		}))
	if err != nil {
		panic(err) // the address is ours
	}
	return out
}

// order queues a job and tries again under the same idempotency key, at either API, until one answers that the job is queued.
// A tenth of the requests have a timeout of some milliseconds, and a tenth of the orders are repeated after their success.
func (c *clients) order(t *testing.T, who *creator) (id uuid.UUID) {
	key := uuid.NewString()
	model := client.ModelID("nano_banana")
	project := who.projects[who.random.IntN(len(who.projects))]
	request := client.QueueRequest{Model: &model, Quality: client.QualityDraft, Variants: 1 + int64(who.random.IntN(4))}
	again := who.random.IntN(10) == 0
	var refused string
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Duration(20+who.random.IntN(80)) * time.Millisecond) {
		timeout := 5 * time.Second
		if who.random.IntN(10) == 0 {
			timeout = time.Duration(2+who.random.IntN(50)) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		answer, err := c.at(who, who.random.IntN(2)).QueueProjectWithResponse(ctx, project, &client.QueueProjectParams{IdempotencyKey: &key}, request)
		cancel()
		switch {
		case err != nil, answer.StatusCode() == http.StatusServiceUnavailable: // the API is down, or a server that it needs
			continue
		case answer.JSON409 != nil && answer.JSON409.Error.Code == "model_unavailable": // its breaker is open
			continue
		case answer.JSON201 == nil:
			refused = string(answer.Body)
			if answer.StatusCode() >= 500 {
				continue // the log shows why; the order must not be lost
			}
			t.Errorf("an order was refused: %d %s", answer.StatusCode(), answer.Body)
			return uuid.Nil
		}
		if id != uuid.Nil && answer.JSON201.JobID != id {
			t.Errorf("one order under one key became two jobs: %s and %s", id, answer.JSON201.JobID)
		}
		id = answer.JSON201.JobID
		c.mu.Lock()
		c.known[id] = struct{}{}
		if again {
			c.repeats++
		}
		c.mu.Unlock()
		if !again {
			return id
		}
		again = false
	}
	if id == uuid.Nil {
		t.Errorf("no API took an order for %s; the last refusal: %s", long, refused)
	}
	return id
}

// busy queues n jobs over about the given time, and cancels and follows some of them.
func (c *clients) busy(t *testing.T, who *creator, n int, over time.Duration) {
	pause := int(2 * over / time.Duration(n))
	for range n {
		id := c.order(t, who)
		if id == uuid.Nil {
			return
		}
		if who.random.IntN(100) < 10 {
			after := time.Duration(who.random.IntN(1+who.random.IntN(1500))) * time.Millisecond // mostly soon
			c.running.Go(func() { c.cancel(who, id, after) })
		}
		if who.random.IntN(100) < 8 {
			first := who.random.IntN(2)
			c.running.Go(func() { c.watch(t, who, id, first) })
		}
		time.Sleep(time.Duration(who.random.IntN(pause)))
	}
}

// cancel cancels a job at both APIs at the same moment, and repeats it until each of them has answered twice: the job must be
// refunded once.
func (c *clients) cancel(who *creator, id uuid.UUID, after time.Duration) {
	time.Sleep(after)
	c.mu.Lock()
	c.cancels++
	c.mu.Unlock()
	var sending sync.WaitGroup
	for api := range c.fixture.apis() {
		sending.Go(func() {
			answers := 0
			for end := time.Now().Add(long); answers < 2 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				answer, err := c.at(who, api).CancelJobWithResponse(context.Background(), id)
				if err == nil && (answer.JSON200 != nil || answer.JSON409 != nil) {
					answers++
				}
			}
			if answers < 2 {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.unanswered = append(c.unanswered, fmt.Sprintf("job %s by api %d", id, api))
			}
		})
	}
	sending.Wait()
}

// watch follows the events of a job, over one connection after another, until it has seen the end.
func (c *clients) watch(t *testing.T, who *creator, id uuid.UUID, api int) {
	c.mu.Lock()
	c.watched++
	c.mu.Unlock()
	seen := reader{}
	for last := time.Now(); time.Since(last) < long; api = 1 - api {
		if !c.healed.Load() {
			last = time.Now()
		}
		if err := seen.read(c.at(who, api), id); err != nil {
			t.Errorf("a reader of job %s: %v", id, err)
			return
		}
		if seen.ended {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, fmt.Sprintf("job %s, of which the last seen was version %d, %q", id, seen.version, seen.status))
}

// errBackwards is returned when a reader was sent an older state after a newer one.
var errBackwards = errors.New("an older version came after a newer one")

// reader is what a client has seen of a job.
type reader struct {
	version int64
	status  string
	ended   bool
}

// read follows one connection until it ends, for whatever reason. It fails for events that must not be sent.
func (r *reader) read(at *client.ClientWithResponses, id uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	params := &client.StreamJobEventsParams{}
	if r.version > 0 {
		last := strconv.FormatInt(r.version, 10)
		params.LastEventID = &last
	}
	answer, err := at.ClientInterface.(*client.Client).StreamJobEvents(ctx, id, params)
	if err != nil {
		return nil // the API is down; the caller tries the other one
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		if err := r.take(data); err != nil || r.ended {
			return err
		}
	}
	return nil
}

func (r *reader) take(data string) error {
	var job client.Job
	if err := json.Unmarshal([]byte(data), &job); err != nil {
		return err
	}
	if job.Version < r.version {
		return errBackwards
	}
	r.version, r.status = job.Version, string(job.Status)
	r.ended = job.Stage == client.JobStageDone
	return nil
}
