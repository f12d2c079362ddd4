package servers

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/mugshot-studio/backend/internal/devstack"
)

// probe is for questions before a measurement; each connection lives as long as its answer.
var probe = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// answers tells whether a URL answers with the status.
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

func freeAddress() (string, error) {
	port, err := devstack.FreePort()
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
}
