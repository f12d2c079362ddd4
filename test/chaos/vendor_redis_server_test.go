//go:build redis_server

package chaos_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The size of the pictures: small, since drawing is not what is tested.
const width, height = 128, 72

// vendor answers as Gemini does, and fails at random until healthy is set.
type vendor struct {
	*httptest.Server

	picture string
	healthy atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	served map[string]int // requests by their outcome
}

func newVendor(t *testing.T, seed uint64) *vendor {
	t.Helper()
	var drawn bytes.Buffer
	require.NoError(t, png.Encode(&drawn, image.NewGray(image.Rect(0, 0, width, height))))
	v := &vendor{
		picture: base64.StdEncoding.EncodeToString(drawn.Bytes()), random: rand.New(rand.NewPCG(seed, 1000)),
		served: map[string]int{},
	}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

// draw chooses the outcome of a request, and after how long it is answered.
func (v *vendor) draw() (what string, after time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	what, after = "picture", time.Duration(30+v.random.IntN(170))*time.Millisecond
	outcomes := []struct {
		what   string
		permil int
	}{
		{"500", 15}, {"503", 15}, {"429", 15}, {"reset", 15}, {"malformed", 15}, {"hang", 12}, {"blocked", 6}, {"slow", 40},
	}
	dice := v.random.IntN(1000)
	slow := time.Duration(1000+v.random.IntN(1000)) * time.Millisecond
	for _, o := range outcomes {
		if dice -= o.permil; dice < 0 && !v.healthy.Load() {
			what = o.what
			break
		}
	}
	if what == "slow" {
		after = slow
	}
	v.served[what]++
	return what, after
}

// ServeHTTP implements http.Handler.
func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the caller hangs up
	what, after := v.draw()
	select {
	case <-r.Context().Done():
		return
	case <-time.After(after):
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	switch what {
	case "500":
		refuse(w, http.StatusInternalServerError, "INTERNAL", "")
	case "503":
		refuse(w, http.StatusServiceUnavailable, "UNAVAILABLE", "")
	case "429":
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED",
			`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}`)
	case "reset":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{\"candidates\":[")
		reset(conn)
	case "malformed":
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"inlineData":`)
	case "hang":
		<-r.Context().Done()
	case "blocked":
		_, _ = io.WriteString(w, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"responseId":"blocked"}`)
	default:
		_, _ = fmt.Fprintf(w, `{"candidates":[{"content":{"role":"model","parts":[{"text":"Here it is."},{"inlineData":{"mimeType":"image/png","data":%q}}]},`+
			`"finishReason":"STOP","index":0}],"responseId":"drawn","modelVersion":"chaos"}`, v.picture)
	}
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":"Not now.","status":%q,"details":[%s]}}`, status, code, detail)
}

func (v *vendor) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprint(v.served)
}
