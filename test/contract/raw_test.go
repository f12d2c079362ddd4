package contract_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// The ways in which a client may send a body that its HTTP library would not.
const (
	stalls       = "stalls in its body"
	breaksOff    = "ends in its body"
	closesBehind = "closes its half behind its body"
)

// slowest is how long the server of requests that stall waits for a body. The others go to a server that waits as long as it
// does in production, since a busy machine may need longer than this to read what has already arrived.
const slowest = 150 * time.Millisecond

// stepRaw sends a fitting call in one of these ways and checks the answer: what did not arrive whole is told so, and what did is
// answered whole.
func (f *fuzzer) stepRaw(c *call) {
	f.t.Helper()
	how := []string{stalls, breaksOff, closesBehind}[f.IntN(3)]
	known := f.authorize(c)
	c.broken = how
	status, answer := f.sendRaw(c, how)
	complain := func(complaint string) { f.t.Errorf("%s\n%v\nanswered %d %s", complaint, c, status, answer) }
	if how == closesBehind {
		c.broken = ""
		if status == http.StatusUnauthorized && known && c.op.secured {
			f.signUp()
			return
		}
		for _, complaint := range f.check(c, known, status, answer) {
			complain(complaint)
		}
		return
	}
	want := map[string]client.ErrorCode{stalls: client.ErrorCodeRequestTimeout, breaksOff: client.ErrorCodeMalformedJSON}[how]
	code := codeOf(answer)
	switch {
	case c.op.secured && code == client.ErrorCodeUnauthenticated:
		if known {
			f.signUp()
		}
	case code != want:
		complain("a body that did not arrive was not told so")
	}
}

// sendRaw sends a call on a connection of its own and returns the answer, all of which has to arrive.
func (f *fuzzer) sendRaw(c *call, how string) (status int, answer []byte) {
	f.t.Helper()
	f.reporter.last.Store(new(c.String()))
	server := f.app
	if how == stalls {
		server = f.slow
	}
	r, err := c.request(server.URL + "/api/v1")
	require.NoError(f.t, err)
	var sent bytes.Buffer
	require.NoError(f.t, r.Write(&sent))
	if how != closesBehind {
		sent.Truncate(sent.Len() - 1 - f.IntN(len(c.body)))
	}
	conn, err := (&net.Dialer{}).DialContext(f.t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(f.t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.Write(sent.Bytes())
	require.NoError(f.t, err)
	if how != stalls {
		require.NoError(f.t, conn.(*net.TCPConn).CloseWrite())
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	require.NoError(f.t, err, "%v", c)
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(res.Body)
	require.NoError(f.t, err, "%v", c)
	f.learn(answer)
	return res.StatusCode, answer
}
