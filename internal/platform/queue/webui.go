package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gocraft/work/webui"
)

// WebUI serves gocraft/work's own page about its lists and processes in Redis, for reading only. The library can't be
// mounted under a path: it listens on a port of its own and writes absolute addresses. So WebUI is a proxy in front of the
// library's server, which listens on the loopback interface; it makes the addresses relative and refuses all methods but
// GET. The first request starts the library's server.
type WebUI struct {
	queue *Queue
	path  string

	mu     sync.Mutex
	server *webui.Server // nil: not started
	proxy  http.Handler
	closed bool
}

// webUIStart bounds the wait until the library's server listens. The library does not report that it can't listen.
const webUIStart = 2 * time.Second

// WebUI returns the page for a path that ends in a slash, such as /queues/. The caller closes it.
func (q *Queue) WebUI(path string) *WebUI { return &WebUI{queue: q, path: path} }

// ServeHTTP implements http.Handler.
func (u *WebUI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "this page is for reading", http.StatusMethodNotAllowed)
		return
	}
	proxy, err := u.start(context.WithoutCancel(r.Context())) // the server outlives this request
	if err != nil {
		u.queue.log.WarnContext(r.Context(), "web UI of the queue not started", "error", err)
		http.Error(w, "not available", http.StatusServiceUnavailable)
		return
	}
	proxy.ServeHTTP(w, r)
}

// Close stops the library's server and returns when it has stopped. Later requests are answered with 503.
func (u *WebUI) Close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	if u.server != nil {
		u.server.Stop()
		u.server = nil
	}
}

// start starts the library's server, unless it runs, and returns the proxy in front of it.
func (u *WebUI) start(ctx context.Context) (http.Handler, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, http.ErrServerClosed
	}
	if u.server != nil {
		return u.proxy, nil
	}
	addr, err := freePort(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a port: %w", err)
	}
	server := webui.NewServer(u.queue.cfg.Namespace, u.queue.pool, addr)
	server.Start()
	if err := awaitListener(ctx, addr); err != nil {
		return nil, fmt.Errorf("wait for the listener: %w", err) // without server.Stop, which would wait for ever
	}
	u.server, u.proxy = server, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.URL.Path = "/" + strings.TrimPrefix(r.In.URL.Path, u.path)
			r.Out.Header = http.Header{} // no cookies or other headers of the browser, and no compression
		},
		ModifyResponse: relative,
		ErrorLog:       slog.NewLogLogger(u.queue.log.Handler(), slog.LevelWarn),
		Transport:      &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	}
	return u.proxy, nil
}

// relative removes the leading slash from the addresses in the page and in its script.
func relative(answer *http.Response) error {
	kind := answer.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "text/html") && !strings.HasPrefix(kind, "application/javascript") {
		return nil
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read web UI: %w", err)
	}
	for _, prefix := range []string{`src="`, `url:"`, `URL:"`} {
		text = bytes.ReplaceAll(text, []byte(prefix+"/"), []byte(prefix))
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// freePort returns an address of the loopback interface on which nothing listens.
func freePort(ctx context.Context) (addr string, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// awaitListener returns when a server accepts connections on addr, or with an error after webUIStart.
func awaitListener(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, webUIStart)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}
