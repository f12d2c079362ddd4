package edge

import (
	"log/slog"
	"net/http"
	"time"
)

// The bounds of a connection. A body of 8 MiB at 3 Mbit/s arrives within readTimeout. Event streams have a
// deadline for each write instead of writeTimeout.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute // longer than the idle time-out of the usual load balancers (60 s)
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	operationTimeout  = 55 * time.Second // leaves time to send what came of it, within writeTimeout
	maxHeaderBytes    = 32 << 10
)

// NewHTTPServer returns a server whose connections a slow or hostile client can't occupy for long. It does not listen yet.
// Messages of net/http itself, such as about broken handshakes, go to log.
func NewHTTPServer(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:                         addr,
		Handler:                      handler,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		DisableGeneralOptionsHandler: true, // OPTIONS * gets our envelope and request id like everything else
	}
}
