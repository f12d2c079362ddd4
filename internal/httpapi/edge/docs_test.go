package edge

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocs_needNoOtherHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rec := b.do(http.MethodGet, "/docs", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"))
	policy := rec.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "script-src 'self' 'sha256-")
	require.NotContains(t, policy, "unsafe-eval")
	require.Contains(t, policy, "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	require.NotContains(t, policy, "script-src 'self' 'unsafe-inline'")
	require.Contains(t, rec.Body.String(), scalarPath[1:], "the page loads the script that is served")
	require.NotContains(t, rec.Body.String(), "//", "the page loads nothing from elsewhere")

	packed := b.do(http.MethodGet, scalarPath, "", "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", packed.Header().Get("Content-Encoding"))
	require.Contains(t, packed.Header().Get("Cache-Control"), "immutable")
	unpacked, err := gzip.NewReader(packed.Body)
	require.NoError(t, err)
	script, err := io.ReadAll(unpacked)
	require.NoError(t, err)

	plain := b.do(http.MethodGet, scalarPath, "")
	require.Empty(t, plain.Header().Get("Content-Encoding"))
	require.Contains(t, plain.Header().Values("Vary"), "Accept-Encoding")
	require.True(t, bytes.Equal(script, plain.Body.Bytes()))
}

func TestDocsPolicy_refusesAPageWithoutItsScript(t *testing.T) {
	t.Parallel()
	_, err := docsPolicy([]byte("<html></html>"))
	require.Error(t, err)
}
