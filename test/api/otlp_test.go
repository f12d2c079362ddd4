package api_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlpFake is a trace collector that speaks OTLP over HTTP.
type otlpFake struct {
	*httptest.Server

	mu    sync.Mutex
	spans []*otlp.Span
	raw   strings.Builder // everything that it received
}

func newOTLPFake(t *testing.T) *otlpFake {
	t.Helper()
	f := &otlpFake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &sent) != nil || r.URL.Path != "/v1/traces" {
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.raw.WriteString(sent.String())
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				f.spans = append(f.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(f.Close)
	return f
}

// trace returns the spans of a trace by their ids.
func (f *otlpFake) trace(id string) map[string]*otlp.Span {
	f.mu.Lock()
	defer f.mu.Unlock()
	spans := map[string]*otlp.Span{}
	for _, span := range f.spans {
		if hex.EncodeToString(span.GetTraceId()) == id {
			spans[hex.EncodeToString(span.GetSpanId())] = span
		}
	}
	return spans
}

func (f *otlpFake) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raw.String()
}

// count returns how many spans have a name.
func count(spans map[string]*otlp.Span, name string) (n int) {
	for _, span := range spans {
		if span.GetName() == name {
			n++
		}
	}
	return n
}

func named(spans map[string]*otlp.Span, name string) bool { return count(spans, name) > 0 }

// requireWhole expects that a trace has one root, and that the parent of every other span is part of it.
func requireWhole(t *testing.T, spans map[string]*otlp.Span) {
	t.Helper()
	roots := 0
	for _, span := range spans {
		if len(span.GetParentSpanId()) == 0 {
			roots++
		} else {
			require.Contains(t, spans, hex.EncodeToString(span.GetParentSpanId()), "%s has an unknown parent", span.GetName())
		}
	}
	require.Equal(t, 1, roots)
}
