package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/test/bench/measure"
)

// Streams opens event streams, measures their memory while they are silent, and then the time of events: from before the request
// that causes one until it has reached each of its readers.
type Streams struct {
	Addr    string
	Request Request
	Users   []Vars // as many as there are chats; the streams are distributed among them
	Count   int
	Trigger Request // causes one event, which contains "nonce-${nonce}."
	Events  int
	Weigh   func() float64 // bytes that the server holds
}

const (
	portsPerSource = 20_000 // below the ephemeral ports that one address has
	silence        = 2 * time.Second
	eventTimeout   = 5 * time.Second
	opening        = 32 // streams at once
)

// Run opens the streams, measures and closes them.
func (l Streams) Run(ctx context.Context, bracket Bracket) (Tally, error) {
	if err := checkLoopback(l.Addr); err != nil {
		return Tally{}, err
	}
	users := l.Users[:min(len(l.Users), l.Count)]
	before := l.Weigh()
	r := &readers{sent: map[string]time.Time{}}
	defer r.close()
	if err := r.open(ctx, l, users); err != nil {
		return Tally{}, err
	}
	sleep(ctx, silence)
	more := map[string]float64{"kb_per_stream": (l.Weigh() - before) / 1e3 / float64(l.Count)}

	c := &client{addr: l.Addr}
	defer c.close()
	bracket.Begin()
	begun := time.Now()
	var last []time.Duration
	for i := 0; i < l.Events && ctx.Err() == nil; i++ {
		user := i % len(users)
		readersOfIt := (l.Count - user + len(users) - 1) / len(users)
		slowest, err := r.event(ctx, c, l.Trigger, users[user], readersOfIt)
		if err != nil {
			r.all.fail(err)
			continue
		}
		last = append(last, slowest)
	}
	r.all.tally.Wall, r.all.tally.Work = time.Since(begun), l.Events
	bracket.End()
	more["last_p50_ms"], more["last_p99_ms"] = measure.Quantile(last, 0.5), measure.Quantile(last, 0.99)
	r.all.tally.More = more
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	return r.all.tally, ctx.Err()
}

// readers are the open streams.
type readers struct {
	all     recorder
	clients []*client
	reading sync.WaitGroup
	mu      sync.Mutex
	sent    map[string]time.Time // when the request that causes an event was sent, by its nonce
}

func (r *readers) close() {
	for _, c := range r.clients {
		c.close()
	}
	r.reading.Wait()
}

func (r *readers) open(ctx context.Context, l Streams, users []Vars) error {
	r.clients = make([]*client, l.Count)
	answers := make([]*http.Response, l.Count)
	failures := make(chan error, l.Count)
	slots := make(chan struct{}, opening)
	var dialing sync.WaitGroup
	for i := range l.Count {
		r.clients[i] = &client{addr: l.Addr, source: net.IPv4(127, 0, 0, byte(1+i/portsPerSource))}
		slots <- struct{}{}
		dialing.Go(func() {
			defer func() { <-slots }()
			answer, err := r.clients[i].send(ctx, l.Request.render(l.Addr, users[i%len(users)]))
			switch {
			case err != nil:
				failures <- fmt.Errorf("open stream %d: %w", i, err)
			case answer.StatusCode != l.Request.Expect:
				failures <- fmt.Errorf("open stream %d: status %d", i, answer.StatusCode)
			default:
				answers[i] = answer
				failures <- r.clients[i].conn.SetDeadline(time.Time{})
			}
		})
	}
	dialing.Wait()
	for range l.Count {
		if err := <-failures; err != nil {
			return err
		}
	}
	for _, answer := range answers {
		r.reading.Go(func() { r.read(bufio.NewScanner(answer.Body)) })
	}
	return nil
}

// read records when each event arrives, until the stream ends.
func (r *readers) read(lines *bufio.Scanner) {
	for lines.Scan() {
		_, rest, found := strings.Cut(lines.Text(), "nonce-")
		if !found {
			continue
		}
		nonce, _, _ := strings.Cut(rest, ".")
		r.mu.Lock()
		sent, ours := r.sent[nonce]
		r.mu.Unlock()
		if ours {
			r.all.add(time.Since(sent))
		}
	}
}

// event causes one event and returns how long it took to the last of its readers.
func (r *readers) event(ctx context.Context, c *client, trigger Request, user Vars, count int) (time.Duration, error) {
	had, begun := len(r.all.since(0)), time.Now()
	r.mu.Lock()
	r.sent[strconv.FormatInt(nonces.Load()+1, 10)] = begun // no other goroutine takes numbers now
	r.mu.Unlock()
	if _, err := c.do(ctx, trigger, user); err != nil {
		return 0, err
	}
	for len(r.all.since(had)) < count && time.Since(begun) < eventTimeout {
		sleep(ctx, 200*time.Microsecond)
	}
	got := r.all.since(had)
	if len(got) != count {
		return 0, fmt.Errorf("an event reached %d of %d streams", len(got), count)
	}
	return slices.Max(got), nil
}
