package sse

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
)

// BenchmarkEvent measures one event of a stream.
func BenchmarkEvent(b *testing.B) {
	b.ReportAllocs()
	server := NewServer(Config{WriteTimeout: time.Hour})
	out := &eventWriter{server: server, transport: newResponseTransport(&nullWriter{header: http.Header{}})}
	job := api.Job{ID: uuid.MustParse("0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12"), Renders: []api.Render{}, QueuedAt: time.Unix(1, 0).UTC()}
	for b.Loop() {
		if err := out.send(Event{ID: "7", Name: "job", Data: job}); err != nil {
			b.Fatal(err)
		}
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}
func (w *nullWriter) Flush()                      {}
