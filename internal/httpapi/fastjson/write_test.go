package fastjson

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

// text appends itself.
type text string

func (t text) AppendJSON(b []byte) ([]byte, error) { return append(b, t...), nil }

// broken appends something and fails.
type broken struct{ err error }

func (f broken) AppendJSON(b []byte) ([]byte, error) { return append(b, '{'), f.err }

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestWrite_tellsItsLength shows that no body is sent in chunks, however long, and that the length is left to net/http where
// it tells it.
func TestWrite_tellsItsLength(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, maxShortBody - 1, maxShortBody, maxShortBody + 1, 4096, 100_000} {
		body := text(strings.Repeat("x", length-1)) // and a line feed
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := Write(w, http.StatusCreated, body); err != nil {
				t.Error(err)
			}
		}))
		res, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Len(t, got, length)
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
		require.EqualValues(t, length, res.ContentLength)
		require.Empty(t, res.TransferEncoding)
		server.Close()

		recorded := httptest.NewRecorder()
		require.NoError(t, Write(recorded, http.StatusOK, body))
		if told := recorded.Header().Get("Content-Length"); length > maxShortBody {
			require.Equal(t, strconv.Itoa(length), told)
		} else {
			require.Empty(t, told)
		}
	}
}

// TestWrite_answersNothingAfterAFailure leaves the answer to problem.go.
func TestWrite_answersNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	recorded := httptest.NewRecorder()
	require.ErrorIs(t, Write(recorded, http.StatusOK, broken{failed}), failed)
	require.Empty(t, recorded.Header())
	require.Zero(t, recorded.Body.Len())
}
