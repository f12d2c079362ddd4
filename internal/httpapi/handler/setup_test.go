package handler

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var (
	someID   = uuid.MustParse("0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12")
	someTime = time.Date(2026, 11, 21, 18, 5, 12, 0, time.UTC)
)

// nullWriter takes answers and keeps nothing.
type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}
