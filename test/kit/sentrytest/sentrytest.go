// Package sentrytest provides a fake Sentry server that speaks its format, https://develop.sentry.dev/sdk/data-model/envelopes/,
// and keeps the events that it receives. What is not a valid envelope fails the test.
package sentrytest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// The project that reports belong to, and its public key.
const (
	project = "7"
	key     = "publickey"
)

// Event holds the members of an event that tests look at. Raw is the whole event as it was sent.
type Event struct {
	ID          string            `json:"event_id"`
	Level       string            `json:"level"`
	Message     string            `json:"message"`
	Environment string            `json:"environment"`
	Tags        map[string]string `json:"tags"`
	Fingerprint []string          `json:"fingerprint"`
	Exception   []struct {
		Type       string `json:"type"`
		Value      string `json:"value"`
		Stacktrace struct {
			Frames []struct {
				Function string `json:"function"`
				InApp    bool   `json:"in_app"`
			} `json:"frames"`
		} `json:"stacktrace"`
	} `json:"exception"`

	Raw string `json:"-"`
}

// Sentry is the fake server. It is safe for concurrent use.
type Sentry struct {
	DSN string // for SENTRY_DSN

	mu     sync.Mutex
	events []Event
	all    strings.Builder // every request, headers included
}

// New starts a server, and stops it when the test ends.
func New(t testing.TB) *Sentry {
	t.Helper()
	s := &Sentry{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.take(r); err != nil {
			t.Errorf("what Sentry was sent is no envelope: %v", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	s.DSN = strings.Replace(server.URL, "://", "://"+key+"@", 1) + "/" + project
	return s
}

func (s *Sentry) take(r *http.Request) error {
	if want := "/api/" + project + "/envelope/"; r.Method != http.MethodPost || r.URL.Path != want {
		return fmt.Errorf("%s %s instead of POST %s", r.Method, r.URL, want)
	}
	if !strings.Contains(r.Header.Get("X-Sentry-Auth"), "sentry_key="+key) {
		return errors.New("no key in X-Sentry-Auth")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	events, err := parse(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	_ = r.Header.Write(&s.all)
	s.all.Write(body)
	return nil
}

// parse reads an envelope: a line of headers, and items, each a line of headers and a payload of the length that it
// states, or up to the line's end.
func parse(envelope []byte) (events []Event, err error) {
	in := bufio.NewReader(bytes.NewReader(envelope))
	var header struct {
		EventID string `json:"event_id"`
	}
	if err := readLine(in, &header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	for {
		var item struct {
			Type   string `json:"type"`
			Length *int   `json:"length"`
		}
		if err := readLine(in, &item); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, fmt.Errorf("item: %w", err)
		}
		payload, err := readPayload(in, item.Length)
		if err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
		if item.Type != "event" {
			return nil, fmt.Errorf("an item of type %q", item.Type)
		}
		event := Event{Raw: string(payload)}
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		if event.ID == "" || event.ID != header.EventID {
			return nil, fmt.Errorf("event %q in an envelope of event %q", event.ID, header.EventID)
		}
		events = append(events, event)
	}
}

// readLine reads one line of JSON. io.EOF: there is none.
func readLine(in *bufio.Reader, into any) error {
	line, err := in.ReadBytes('\n')
	if len(bytes.TrimSpace(line)) == 0 {
		if err == nil {
			return readLine(in, into)
		}
		return err
	}
	return json.Unmarshal(line, into)
}

func readPayload(in *bufio.Reader, length *int) ([]byte, error) {
	if length == nil {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
	payload := make([]byte, *length)
	_, err := io.ReadFull(in, payload)
	return payload, err
}

// Events returns the events received so far.
func (s *Sentry) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Said returns all requests received so far, headers included, to search for secrets in them.
func (s *Sentry) Said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}
