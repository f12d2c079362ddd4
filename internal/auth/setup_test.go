package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/logtest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

const (
	goodPassword = "paint-the-sky-9"
	secret       = "test secret of thirty-two bytes or more"
	bonus        = 5
	idle         = 7 * 24 * time.Hour
	lifetime     = 30 * 24 * time.Hour
	unconfirmed  = 7 * 24 * time.Hour
)

var here = auth.Client{IP: "192.0.2.7", UserAgent: "test/1"}

// fixture is a Service and its Mailer on a database and a Redis namespace of their own.
type fixture struct {
	*auth.Service
	mailer         *task.Runner // of the outbox
	store          *postgres.Store
	hasher         *password.Hasher
	codes          *token.CodeHasher
	inbox          *inbox
	clock          *clock
	queries        *statements
	log            *logtest.Buffer
	pushed         chan uuid.UUID
	balanceChanges chan string
	deps           auth.Deps
	cfg            auth.Config
}

// weakest keeps the tests fast; what a hash costs is package password's business.
func weakest() password.Params { return password.Params{Memory: 64, Iterations: 1, Parallelism: 1} }

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		inbox: &inbox{}, clock: &clock{now: time.Now().UTC().Truncate(time.Second)}, queries: &statements{},
		log: &logtest.Buffer{}, pushed: make(chan uuid.UUID, 1000), balanceChanges: make(chan string, 1000),
	}
	opened, err := postgres.Open(t.Context(), pgtest.New(t), postgres.Options{MaxConns: 20, Tracer: f.queries})
	require.NoError(t, err)
	t.Cleanup(opened.Close)
	f.store = opened
	f.hasher, err = password.New(weakest(), 0)
	require.NoError(t, err)
	ring, err := token.NewKeyring(secret)
	require.NoError(t, err)
	access, err := token.NewIssuer(ring, token.IssuerConfig{
		Issuer: "mugshot", Audience: "mugshot-api", TTL: 15 * time.Minute,
	}, f.clock.Now, rand.Reader)
	require.NoError(t, err)
	counters, err := ratelimit.Open(ratelimit.Config{
		URL: redistest.URL(t), Namespace: redistest.Namespace(t), Key: []byte("key"), Timeout: 20 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	cfg := ratelimit.DefaultLockout("signin", 5, 20, 15*time.Minute)
	cfg.Wait = 20 * time.Second
	lockout, err := ratelimit.NewLockout(counters, cfg, rand.Reader)
	require.NoError(t, err)
	templates, err := mail.NewTemplates("MugShot Studio", "https://app.example.com")
	require.NoError(t, err)
	f.codes = token.NewCodeHasher(ring)
	vault, err := auth.NewVault(ring, rand.Reader)
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(f.log, nil))
	f.cfg = auth.Config{
		SessionIdle: idle, SessionLifetime: lifetime, SignupBonus: bonus, Product: "MugShot Studio", UnconfirmedLifetime: unconfirmed,
	}
	f.deps = auth.Deps{
		Store: f.store, Passwords: f.hasher, AccessTokens: access,
		RefreshTokens: token.NewRefresher(ring, rand.Reader), Codes: f.codes, Vault: vault, Lockout: lockout,
		Push:            func(_ context.Context, id uuid.UUID) error { f.pushed <- id; return nil },
		Remove:          account.RemoveUnconfirmed,
		BonusClaims:     credits.NewBonusClaims(ring.Derive(token.BonusClaims)),
		OnBalanceChange: func(action string, amount int64) { f.balanceChanges <- fmt.Sprint(action, " ", amount) },
		Now:             f.clock.Now, NewID: factory.ID, Random: rand.Reader, Log: log,
	}
	f.Service = auth.NewService(f.cfg, f.deps)
	f.mailer = &task.Runner{Name: queue.Mail, Log: log, Kind: outbox.NewMailer(outbox.Deps{
		Store: f.store, Sender: f.inbox, Random: rand.Reader, Composer: auth.NewComposer(auth.ComposerDeps{
			Store: f.store, Templates: templates, Codes: f.codes, Now: f.clock.Now, Random: rand.Reader, NewID: factory.ID,
		}),
	})}
	return f
}

// signUp makes an account whose address is not confirmed.
func (f *fixture) signUp(t *testing.T, username string) db.User {
	t.Helper()
	id, err := f.SignUp(t.Context(), application(username), here)
	require.NoError(t, err)
	return f.user(t, id)
}

// member makes an account that can sign in, and empties the inbox.
func (f *fixture) member(t *testing.T, username string) db.User {
	t.Helper()
	user := f.signUp(t, username)
	f.deliver(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: f.inbox.code(t)}, here))
	f.inbox.empty()
	return f.user(t, user.ID)
}

func (f *fixture) user(t *testing.T, id uuid.UUID) db.User {
	t.Helper()
	user, err := f.store.Queries().UserGet(t.Context(), id)
	require.NoError(t, err)
	return user
}

// deliver does the worker's part for every mail that was pushed.
func (f *fixture) deliver(t *testing.T) {
	t.Helper()
	for {
		select {
		case id := <-f.pushed:
			require.NoError(t, f.mailer.Run(t.Context(), id))
		default:
			return
		}
	}
}

// later makes the mails that were sent so far older than a minute, within which none is sent again.
func (f *fixture) later(t *testing.T) {
	t.Helper()
	_, err := f.store.Pool().Exec(t.Context(), "update outbox_mails set created_at = created_at - interval '2 minutes'")
	require.NoError(t, err)
}

// events lists the audited actions of an account, oldest first; nil: of no account.
func (f *fixture) events(t *testing.T, userID *uuid.UUID) []string {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(),
		"select action from audit_logs where user_id is not distinct from $1 and balance_after is null order by seq", userID)
	require.NoError(t, err)
	actions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return actions
}

func application(username string) auth.SignUp {
	return auth.SignUp{
		Email: username + "@Example.com", Password: goodPassword, ConfirmPassword: goodPassword, Username: username,
		FullName: "Ada Lovelace", DOB: time.Date(1995, time.December, 10, 0, 0, 0, 0, time.UTC),
	}
}

// clock is a time that only moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// inbox is a mail server that takes everything, unless it is told what to answer.
type inbox struct {
	mu       sync.Mutex
	messages []mail.Message
	answer   error
	sent     func() // called after each message; nil: nothing
}

func (i *inbox) Send(_ context.Context, m mail.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.answer != nil {
		return i.answer
	}
	i.messages = append(i.messages, m)
	if i.sent != nil {
		i.sent()
	}
	return nil
}

func (i *inbox) all() []mail.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]mail.Message(nil), i.messages...)
}

func (i *inbox) empty() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = nil
}

func (i *inbox) last(t *testing.T) mail.Message {
	t.Helper()
	all := i.all()
	require.NotEmpty(t, all, "no mail has come")
	return all[len(all)-1]
}

var codePattern = regexp.MustCompile(`\b[0-9]{6}\b`)

// code reads the code of the newest mail.
func (i *inbox) code(t *testing.T) string {
	t.Helper()
	code := codePattern.FindString(i.last(t).Text)
	require.NotEmpty(t, code)
	return code
}

// statements notes the names of the queries that were run, as a measure of work.
type statements struct {
	mu    sync.Mutex
	names []string
}

var namePattern = regexp.MustCompile(`^-- name: (\w+)`)

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	name := q.SQL
	if found := namePattern.FindStringSubmatch(q.SQL); found != nil {
		name = found[1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// during lists what was run while do ran.
func (s *statements) during(do func()) []string {
	s.mu.Lock()
	before := len(s.names)
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.names[before:]...)
}
