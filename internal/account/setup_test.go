package account_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
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
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

const goodPassword = "paint-the-sky-9"

var here = auth.Client{IP: "192.0.2.7", UserAgent: "test/1"}

// fixture is a Service on a database, a Redis namespace and a folder of pictures of its own.
type fixture struct {
	*account.Service
	auth    *auth.Service
	store   *postgres.Store
	objects *outage
	log     *bytes.Buffer
}

// outage is a storage that can be taken away, or take the process with it.
type outage struct {
	storage.Store
	away, deadly atomic.Bool
}

func (o *outage) List(ctx context.Context, bucket, prefix, cursor string, limit int) (storage.Page, error) {
	if o.away.Load() {
		return storage.Page{}, storage.ErrUnavailable
	}
	return o.Store.List(ctx, bucket, prefix, cursor, limit)
}

func (o *outage) Remove(ctx context.Context, bucket string, paths ...string) error {
	if o.deadly.Load() {
		panic("killed")
	}
	if o.away.Load() {
		return storage.ErrUnavailable
	}
	return o.Store.Remove(ctx, bucket, paths...)
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t), log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(f.log, nil))
	disk, err := filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://127.0.0.1:1/storage", Key: make([]byte, filesystem.MinKeyBytes), Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, disk.Close()) })
	require.NoError(t, disk.EnsureBuckets(t.Context(), storage.Buckets()))
	f.objects = &outage{Store: disk}

	ring, err := token.NewKeyring("test secret of thirty-two bytes or more")
	require.NoError(t, err)
	hasher, err := password.New(password.Params{Memory: 64, Iterations: 1, Parallelism: 1}, 0)
	require.NoError(t, err)
	access, err := token.NewIssuer(ring, token.IssuerConfig{Issuer: "i", Audience: "a", TTL: time.Minute}, time.Now, rand.Reader)
	require.NoError(t, err)
	counters, err := ratelimit.Open(ratelimit.Config{
		URL: redistest.URL(t), Namespace: redistest.Namespace(t), Key: []byte("key"), Timeout: 20 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	lockout, err := ratelimit.NewLockout(counters, ratelimit.DefaultLockout("signin", 5, 20, time.Minute), rand.Reader)
	require.NoError(t, err)
	f.auth = auth.NewService(auth.Config{SessionIdle: time.Hour, SessionLifetime: time.Hour, UnconfirmedLifetime: time.Hour}, auth.Deps{
		Store: f.store, Passwords: hasher, AccessTokens: access, RefreshTokens: token.NewRefresher(ring, rand.Reader),
		Codes: token.NewCodeHasher(ring), Lockout: lockout, Remove: account.RemoveUnconfirmed, Push: func(context.Context, uuid.UUID) error { return nil },
		BonusClaims: credits.NewBonusClaims(ring.Derive(token.BonusClaims)), Now: time.Now, NewID: factory.ID, Random: rand.Reader, Log: log,
	})
	f.Service = account.New(account.Deps{
		Store: f.store, Auth: f.auth, Objects: f.objects, Now: time.Now, NewID: factory.ID, Log: log,
	})
	return f
}

// member makes an account with a password and a session.
func (f *fixture) member(t *testing.T, username string) (db.User, auth.Session) {
	t.Helper()
	id, err := f.auth.SignUp(t.Context(), auth.SignUp{
		Email: username + "@example.com", Password: goodPassword, ConfirmPassword: goodPassword, Username: username,
		FullName: "Ada Lovelace", DOB: time.Date(1995, time.December, 10, 0, 0, 0, 0, time.UTC),
	}, here)
	require.NoError(t, err)
	_, err = f.store.Queries().UserConfirmEmail(t.Context(), db.UserConfirmEmailParams{ID: id, Now: time.Now()})
	require.NoError(t, err)
	session, err := f.auth.SignIn(t.Context(), auth.Credentials{Email: username + "@example.com", Password: goodPassword}, here)
	require.NoError(t, err)
	user, err := f.store.Queries().UserGet(t.Context(), id)
	require.NoError(t, err)
	return user, session
}

// asset stores a picture of an account, under path if that is given.
func (f *fixture) asset(t *testing.T, userID uuid.UUID, kind, bucket, path string) uuid.UUID {
	t.Helper()
	id := factory.ID()
	if path == "" {
		path = storage.ObjectName(userID, kind, id, time.Now(), "image/png")
	}
	f.put(t, bucket, path)
	_, err := f.store.Pool().Exec(t.Context(), `insert into assets
		(id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
		values ($1, $2, $3, 'ready', $4, $5, 'image/png', 3, 1, 1, '9e107d9d372bb6826bd81d3542a419d6')`,
		id, userID, kind, bucket, path)
	require.NoError(t, err)
	return id
}

func (f *fixture) put(t *testing.T, bucket, path string) {
	t.Helper()
	object := storage.Object{Bucket: bucket, Path: path}
	require.NoError(t, f.objects.Put(t.Context(), object, "image/png", strings.NewReader("png"), 3))
}

// stored counts the objects of all buckets.
func (f *fixture) stored(t *testing.T) (n int) {
	t.Helper()
	for _, bucket := range storage.Buckets() {
		page, err := f.objects.Store.List(t.Context(), bucket.Name, "", "", storage.MaxPage)
		require.NoError(t, err)
		n += len(page.Entries)
	}
	return n
}

// text reads one text from the database.
func (f *fixture) text(t *testing.T, query string, args ...any) (value string) {
	t.Helper()
	err := f.store.Pool().QueryRow(t.Context(), "select coalesce(("+query+")::text, '')", args...).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return ""
	}
	require.NoError(t, err)
	return value
}

// requireFields fails unless err is a validation error of exactly these "field code" pairs.
func requireFields(t *testing.T, err error, want ...string) {
	t.Helper()
	require.Error(t, err)
	e := apperr.From(err)
	require.Equal(t, apperr.CodeValidationFailed, e.Code, "%v", err)
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field+" "+f.Code)
	}
	require.ElementsMatch(t, want, got)
}
