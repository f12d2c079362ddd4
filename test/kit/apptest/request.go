package apptest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// Answer is an HTTP response with its body read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request that the generated client can't make: to any path of the server, with headers in pairs and any body.
func (a *App) Do(t testing.TB, method, path, body string, headers ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := a.HTTP.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	read, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: read}
}

// Problem expects an error envelope with this status and this code, and returns it.
func (a Answer) Problem(t testing.TB, status int, code client.ErrorCode) client.APIError {
	t.Helper()
	require.Equal(t, status, a.Status, "%s", a.Body)
	var envelope client.ErrorEnvelope
	require.NoError(t, json.Unmarshal(a.Body, &envelope), "%s", a.Body)
	require.Equal(t, code, envelope.Error.Code, "%s", a.Body)
	return envelope.Error
}
