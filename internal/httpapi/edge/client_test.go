package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
)

func TestClientAddr_trustsConfiguredProxiesAlone(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":               {"203.0.113.7:1234", nil, "203.0.113.7"},
		"stranger who forwards":  {"203.0.113.7:1234", []string{"198.51.100.1"}, "203.0.113.7"},
		"proxy":                  {"10.1.2.3:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		"proxy that says naught": {"10.1.2.3:1234", nil, "10.1.2.3"},
		"forged left part":       {"10.1.2.3:1234", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":            {"10.1.2.3:1234", []string{"1.2.3.4,198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		"two lines":              {"10.1.2.3:1234", []string{"1.2.3.4, 198.51.100.1", "10.9.9.9"}, "198.51.100.1"},
		"only proxies":           {"10.1.2.3:1234", []string{"10.7.7.7, 10.9.9.9"}, "10.7.7.7"},
		"garbage":                {"10.1.2.3:1234", []string{"198.51.100.1, unknown, 10.9.9.9"}, "10.9.9.9"},
		"empty hop":              {"10.1.2.3:1234", []string{"198.51.100.1,"}, "10.1.2.3"},
		"with port":              {"10.1.2.3:1234", []string{"198.51.100.1:5678"}, "198.51.100.1"},
		"IPv6":                   {"[2001:db8::1]:1234", []string{"[2001:4860::8]:99"}, "2001:4860::8"},
		"IPv6 in brackets":       {"[2001:db8::1]:1234", []string{"[2001:4860::8]"}, "2001:4860::8"},
		"IPv4 in IPv6":           {"[::ffff:10.1.2.3]:1234", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"zone":                   {"[fe80::1%eth0]:1234", nil, "fe80::1"},
		"unix socket":            {"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		require.Equal(t, c.want, clientAddr(r, trusted).String(), name)
	}
}

func TestCleanUserAgent_cutsAndFilters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		"curl/8.5 (x; ü)":              "curl/8.5 (x; ü)",
		"a\x00b\x1b[31mc\r\nd":         "ab[31mcd",
		"a\xffb\u202e\ufeffc":          "abc",
		strings.Repeat("x", 600):       strings.Repeat("x", 512),
		strings.Repeat("x", 511) + "é": strings.Repeat("x", 511),
		strings.Repeat("é", 600):       strings.Repeat("é", 256),
	} {
		got := cleanUserAgent(in)
		require.Equal(t, want, got)
		require.True(t, utf8.ValidString(got))
	}
}

func TestClientFrom_tellsAddressAndUserAgent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }) // httptest's peer
	var got Client
	models := b.impl.models
	b.impl.models = func(ctx context.Context) (api.ListModelsResponseObject, error) {
		got = ClientFrom(ctx)
		return models(ctx)
	}
	b.do(http.MethodGet, base+"/models", "", "X-Forwarded-For", "198.51.100.1", "User-Agent", "test/1")
	require.Equal(t, Client{IP: "198.51.100.1", UserAgent: "test/1"}, got)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var seen string
	models := b.impl.models
	b.impl.models = func(ctx context.Context) (api.ListModelsResponseObject, error) {
		seen = RequestID(ctx)
		return models(ctx)
	}
	for _, id := range []string{"x", "Trace_1.2-3", strings.Repeat("a", 64)} {
		rec := b.do(http.MethodGet, base+"/models", "", headerRequestID, id)
		require.Equal(t, id, rec.Header().Get(headerRequestID))
		require.Equal(t, id, seen)
	}
	for _, id := range []string{"", "a b", "a\nb", "é", `"`, "<x>", strings.Repeat("a", 65)} {
		rec := b.do(http.MethodGet, base+"/models", "", headerRequestID, id)
		made, err := uuid.Parse(rec.Header().Get(headerRequestID))
		require.NoError(t, err)
		require.EqualValues(t, 7, made.Version())
		require.Equal(t, made.String(), seen)
	}
	require.Equal(t, "r1", b.do(http.MethodGet, "/nowhere", "", headerRequestID, "r1").Header().Get(headerRequestID))
	require.Empty(t, RequestID(t.Context()))
}
