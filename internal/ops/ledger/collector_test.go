package ledger_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/ops/ledger"
)

func TestCollector_exportsTheLastResultWhileItIsFresh(t *testing.T) {
	t.Parallel()
	now, found, checkErr := time.Now(), ledger.Violations{Jobs: 2}, error(nil)
	collector := ledger.NewCollector(
		func(context.Context) (ledger.Violations, error) { return found, checkErr }, func() time.Time { return now },
	)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	scrape := func() string {
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		return answer.Body.String()
	}
	require.Empty(t, scrape(), "nothing was checked")
	require.NoError(t, collector.Check(t.Context()))
	require.Contains(t, scrape(), `mugshot_books_broken{what="jobs"} 2`+"\n")
	require.Contains(t, scrape(), `mugshot_books_broken{what="accounts"} 0`+"\n")
	found = ledger.Violations{}
	require.NoError(t, collector.Check(t.Context()))
	require.Contains(t, scrape(), `mugshot_books_broken{what="jobs"} 0`+"\n")
	checkErr = errors.New("away")
	now = now.Add(2 * time.Minute)
	require.ErrorIs(t, collector.Check(t.Context()), checkErr)
	require.NotEmpty(t, scrape())
	now = now.Add(2 * time.Minute)
	require.Empty(t, scrape(), "the last check was too long ago")
}
