package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/ops/admin"
)

func TestBooks_tellsWhatTheLastLookFoundWhileItIsFresh(t *testing.T) {
	t.Parallel()
	now, broken, away := time.Now(), credits.Broken{Jobs: 2}, error(nil)
	books := admin.NewBooks(func(context.Context) (credits.Broken, error) { return broken, away }, func() time.Time { return now })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(books)
	scrape := func() string {
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		return answer.Body.String()
	}
	require.Empty(t, scrape(), "nobody has looked")
	require.NoError(t, books.Look(t.Context()))
	require.Contains(t, scrape(), `mugshot_books_broken{what="jobs"} 2`+"\n")
	require.Contains(t, scrape(), `mugshot_books_broken{what="accounts"} 0`+"\n")
	broken = credits.Broken{}
	require.NoError(t, books.Look(t.Context()))
	require.Contains(t, scrape(), `mugshot_books_broken{what="jobs"} 0`+"\n")
	away = errAway
	now = now.Add(2 * time.Minute)
	require.ErrorIs(t, books.Look(t.Context()), errAway)
	require.NotEmpty(t, scrape())
	now = now.Add(2 * time.Minute)
	require.Empty(t, scrape(), "the last look was too long ago")
}
