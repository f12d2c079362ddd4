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

// customers order, cancel and watch.
type customers struct {
	house    *house
	creators []*creator
	running  sync.WaitGroup // of cancels and readers
	healed   atomic.Bool    // readers may give up some time after this

	mu      sync.Mutex
	known   map[uuid.UUID]struct{} // jobs that somebody was told of
	repeats int
	cancels int
	watched int
	waiting []string // what readers never saw the end of
	unheard []string // what was to be cancelled, and an API never answered for
}

// creator is somebody with credits, projects and a session at each API.
type creator struct {
	projects []uuid.UUID
	bearers  []string
	random   *rand.Rand
}

const (
	goodPassword = "paint-the-sky-9"
	balance      = 10_000
)

func invite(t *testing.T, h *house, n int) *customers {
	t.Helper()
	c := &customers{house: h, known: map[uuid.UUID]struct{}{}}
	s := factory.StoreAt(t, h.postgres.DSN("chaos"))
	hasher, err := password.New(password.Params{Memory: 64, Iterations: 1, Parallelism: 1}, 0)
	require.NoError(t, err)
	hash, err := hasher.Hash(t.Context(), goodPassword)
	require.NoError(t, err)
	for i := range n {
		c.creators = append(c.creators, c.signIn(t, s, hash, rand.New(rand.NewPCG(h.seed, uint64(i+1)))))
	}
	return c
}

func (c *customers) signIn(t *testing.T, s *postgres.Store, hash string, random *rand.Rand) *creator {
	t.Helper()
	user := factory.User(t, s, balance)
	_, err := c.house.sql.Exec(t.Context(), "update users set password_hash = $1 where id = $2", hash, user.ID)
	require.NoError(t, err)
	who := &creator{random: random}
	for range 3 {
		project := factory.Project(t, s, user.ID, func(p *db.ProjectCreateParams) { p.Width, p.Height = width, height })
		who.projects = append(who.projects, project.ID)
	}
	for i := range c.house.apis() { // a session begun under one clock is not yet valid under another
		who.bearers = append(who.bearers, "")
		answer, err := c.at(who, i).SignInWithResponse(t.Context(), client.SignInRequest{Email: user.Email, Password: goodPassword})
		require.NoError(t, err)
		require.NotNil(t, answer.JSON200, string(answer.Body))
		who.bearers[i] = answer.JSON200.SessionToken
	}
	return who
}

// at is a creator's way to one of the APIs.
func (c *customers) at(who *creator, api int) *client.ClientWithResponses {
	out, err := client.NewClientWithResponses("http://"+c.house.apis()[api].http+"/api/v1", client.WithHTTPClient(web),
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

// order asks until it is told that the job is queued: the same thing under the same key, of either API, sometimes with
// little patience, sometimes once more afterwards.
func (c *customers) order(t *testing.T, who *creator) (id uuid.UUID) {
	key := uuid.NewString()
	model := client.ModelID("nano_banana")
	project := who.projects[who.random.IntN(len(who.projects))]
	request := client.QueueRequest{Model: &model, Quality: client.QualityDraft, Variants: 1 + int64(who.random.IntN(4))}
	again := who.random.IntN(10) == 0
	var refused string
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Duration(20+who.random.IntN(80)) * time.Millisecond) {
		patience := 5 * time.Second
		if who.random.IntN(10) == 0 {
			patience = time.Duration(2+who.random.IntN(50)) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		answer, err := c.at(who, who.random.IntN(2)).QueueProjectWithResponse(ctx, project, &client.QueueProjectParams{IdempotencyKey: &key}, request)
		cancel()
		switch {
		case err != nil, answer.StatusCode() == http.StatusServiceUnavailable: // the one is dead, or what it needs is
			continue
		case answer.JSON409 != nil && answer.JSON409.Error.Code == "model_unavailable": // it rests after failures
			continue
		case answer.JSON201 == nil:
			refused = string(answer.Body)
			if answer.StatusCode() >= 500 {
				continue // a fault of ours, which the log shows; it must not lose the order
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
		t.Errorf("nobody took an order for %s; the last refusal: %s", long, refused)
	}
	return id
}

// busy orders n times, over about as long as given, and cancels and watches some of it.
func (c *customers) busy(t *testing.T, who *creator, n int, over time.Duration) {
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

// cancel tells both APIs at the same moment, until each of them has heard, and once more: it must count once.
func (c *customers) cancel(who *creator, id uuid.UUID, after time.Duration) {
	time.Sleep(after)
	c.mu.Lock()
	c.cancels++
	c.mu.Unlock()
	var telling sync.WaitGroup
	for api := range c.house.apis() {
		telling.Go(func() {
			heard := 0
			for end := time.Now().Add(long); heard < 2 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				answer, err := c.at(who, api).CancelJobWithResponse(context.Background(), id)
				if err == nil && (answer.JSON200 != nil || answer.JSON409 != nil) {
					heard++
				}
			}
			if heard < 2 {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.unheard = append(c.unheard, fmt.Sprintf("job %s by api %d", id, api))
			}
		})
	}
	telling.Wait()
}

// watch reads the events of a job over one connection after another until it has seen its end.
func (c *customers) watch(t *testing.T, who *creator, id uuid.UUID, api int) {
	c.mu.Lock()
	c.watched++
	c.mu.Unlock()
	seen := reader{}
	patience := long
	for last := time.Now(); time.Since(last) < patience; api = 1 - api {
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

// errBackwards says that a reader was shown an older state after a newer one.
var errBackwards = errors.New("an older version came after a newer one")

// reader is what somebody has seen of a job.
type reader struct {
	version int64
	status  string
	ended   bool
}

// read follows one connection to its end, whatever ends it. It fails for events that can't be.
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
		return nil // the API is away; there will be another
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
