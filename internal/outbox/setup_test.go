package outbox_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is an outbox on a real Postgres, with an account, a composer and a mail server whose answers are the test's.
type fixture struct {
	store    *postgres.Store
	mailer   *outbox.Mailer
	runner   *task.Runner // of the mailer
	server   *server
	compose  error // what the composer answers; nil: a message
	outcomes chan task.Outcome
	log      *logtest.Buffer
	user     db.User
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t), server: &server{}, outcomes: make(chan task.Outcome, 100), log: &logtest.Buffer{}}
	f.mailer = outbox.NewMailer(outbox.Deps{Store: f.store, Composer: f, Sender: f.server, Random: rand.Reader})
	f.runner = &task.Runner{
		Kind: f.mailer, Name: queue.Mail, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Observe: func(_ context.Context, _ queue.Kind, outcome task.Outcome, _ time.Duration) { f.outcomes <- outcome },
	}
	f.user = factory.User(t, f.store, 0)
	return f
}

// Compose implements outbox.Composer.
func (f *fixture) Compose(context.Context, db.OutboxMail) (mail.Message, error) {
	return mail.Message{To: f.user.Email, Subject: "Hello", Text: "Hello", HTML: "Hello"}, f.compose
}

// promise writes a mail as the product does, and returns its id.
func (f *fixture) promise(t *testing.T) uuid.UUID {
	t.Helper()
	id := factory.ID()
	require.NoError(t, f.store.Queries().MailEnqueue(t.Context(), db.MailEnqueueParams{
		ID: id, UserID: &f.user.ID, Kind: "password_changed", Facts: []byte("{}"),
	}))
	return id
}

// deliver makes one attempt.
func (f *fixture) deliver(t *testing.T, id uuid.UUID) {
	t.Helper()
	require.NoError(t, f.runner.Run(t.Context(), id))
}

type mailRow struct {
	Status  string
	Attempt int
	Error   *string
	Delay   float64 // seconds until the next attempt may begin
}

func (f *fixture) row(t *testing.T, id uuid.UUID) (row mailRow) {
	t.Helper()
	err := f.store.Pool().QueryRow(t.Context(),
		"select status, attempt, error, extract(epoch from run_at - now())::float8 from outbox_mails where id = $1", id,
	).Scan(&row.Status, &row.Attempt, &row.Error, &row.Delay)
	require.NoError(t, err)
	return row
}

// due lets the time pass until a mail may be tried again.
func (f *fixture) due(t *testing.T, id uuid.UUID) {
	t.Helper()
	f.exec(t, "update outbox_mails set run_at = now() where id = $1", id)
}

func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := f.store.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// server is a mail server that takes everything, unless it is told what to answer.
type server struct {
	mu       sync.Mutex
	messages []mail.Message
	answer   error
	sent     func() // called after each message; nil: nothing
}

func (s *server) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil {
		return s.answer
	}
	s.messages = append(s.messages, m)
	if s.sent != nil {
		s.sent()
	}
	return nil
}

func (s *server) all() []mail.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages
}
