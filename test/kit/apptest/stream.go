package apptest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Event is one server-sent event, or one comment.
type Event struct {
	ID, Name, Data string
	Comment        string
	Retry          string // milliseconds, as they were written
}

// Stream reads server-sent events.
type Stream struct {
	res   *http.Response
	lines *bufio.Scanner
}

// NewStream expects an answer to be an event stream, and reads its body.
func NewStream(t testing.TB, res *http.Response) *Stream {
	t.Helper()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	t.Cleanup(func() { _ = res.Body.Close() })
	return &Stream{res: res, lines: lines}
}

// Next waits for the next event or comment. It returns false when the server has closed the stream, which it may do between
// events only.
func (s *Stream) Next(t testing.TB) (Event, bool) {
	t.Helper()
	var e Event
	begun := false
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			return e, true
		}
		begun = true
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data += value
		case "retry":
			e.Retry = value
		case "":
			e.Comment = value
		default:
			require.Fail(t, "a line that is no part of an event", line)
		}
	}
	require.NoError(t, s.lines.Err(), "the stream was cut")
	require.False(t, begun, "the stream ended within an event")
	return Event{}, false
}

// Read waits for the next event with data, and decodes the data into v. It returns false when the server has closed the stream.
func (s *Stream) Read(t testing.TB, v any) (Event, bool) {
	t.Helper()
	for {
		e, ok := s.Next(t)
		if !ok {
			return e, false
		}
		if e.Data != "" {
			require.NoError(t, json.Unmarshal([]byte(e.Data), v))
			return e, true
		}
	}
}
