package servers

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// probe is the client for requests before a measurement; it uses a new connection for each.
var probe = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// answers returns a function that tells whether a URL answers with the status.
func answers(url string, status int) func(context.Context) bool {
	return func(ctx context.Context) bool {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return false
		}
		answer, err := probe.Do(r)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		_, err = io.Copy(io.Discard, answer.Body)
		return err == nil && answer.StatusCode == status
	}
}

// The ports of servers: below those that the system gives to clients (32768 on Linux, ip_local_port_range), of which a measurement
// leaves so many in TIME_WAIT that a server's port might be taken before it listens.
const (
	leastPort = 20_000
	mostPort  = 30_000
)

// freeAddress returns an address at which no program listens.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(leastPort+rand.IntN(mostPort-leastPort)))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", err
}
