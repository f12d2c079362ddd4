package supabase_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/supabase"
	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
)

func TestCancel_endsACallThatHangs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b fixture, do func(context.Context, storage.Store) error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		before := len(b.fake.Requests())
		b.fake.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			cancel()
			supabasefake.Hang()(w, r, next)
		})
		err := do(ctx, b.Store)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, storage.ErrUnavailable)
		b.Server.Settle()
		require.Len(t, b.fake.Requests(), before+1)
	})
}

// inMemory is a transport without a network, so that a test's time can be virtual.
type inMemory func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // unread, as by a server that refuses
	}
	return f(r)
}

func ok(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	newStore := func(t *testing.T, hang int, tries *int) storage.Store {
		t.Helper()
		client, err := supabase.New(supabase.Config{
			URL: "https://ref.supabase.co", Key: secretKey, Now: time.Now, Timeout: 2 * time.Second,
			Transport: inMemory(func(r *http.Request) (*http.Response, error) {
				if *tries++; *tries <= hang {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return ok(`{"size":7}`), nil
			}),
		})
		require.NoError(t, err)
		return client
	}
	t.Run("a try that hangs is given up and repeated", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tries, start := 0, time.Now()
			info, err := newStore(t, 1, &tries).Head(t.Context(), picture)
			require.NoError(t, err)
			require.Equal(t, int64(7), info.Size)
			require.Equal(t, 2, tries)
			require.GreaterOrEqual(t, time.Since(start), 2*time.Second+supabase.DefaultRetryInterval/2)
			require.LessOrEqual(t, time.Since(start), 2*time.Second+supabase.DefaultRetryInterval*3/2)
		})
	})
	t.Run("a storage that hangs is unavailable", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tries, start := 0, time.Now()
			_, err := newStore(t, 99, &tries).Head(t.Context(), picture)
			require.ErrorIs(t, err, storage.ErrUnavailable)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.Contains(t, err.Error(), "timed out")
			require.Less(t, time.Since(start), 10*time.Second)
		})
	})
	t.Run("the caller's end is not the storage's fault", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := newStore(t, 99, &tries).Head(ctx, picture)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, storage.ErrUnavailable)
			require.Equal(t, 1, tries)
		})
	})
	t.Run("a cancelled wait between tries ends at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Millisecond)
			defer cancel()
			_, err := newStore(t, 99, &tries).Head(ctx, picture)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 1, tries)
		})
	})
}
