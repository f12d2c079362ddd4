package mail

import (
	"context"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Sink is the [Sender] for development: it writes each message to a file that a mail program can open, and a line to the
// console. The line has the subject, which contains the code of a confirmation: use it only where the log is private.
type Sink struct {
	dir  string
	from *mail.Address
	now  func() time.Time

	mu      sync.Mutex // of console
	console io.Writer
}

// NewSink returns a Sink that writes into dir, which it creates if needed.
func NewSink(dir, from string, console io.Writer, now func() time.Time) (*Sink, error) {
	address, err := parseFrom(from)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make mail folder: %w", err)
	}
	return &Sink{dir: dir, from: address, console: console, now: now}, nil
}

// Send implements Sender.
func (s *Sink) Send(_ context.Context, message Message) error {
	now := s.now()
	msg, err := compose(s.from, message, now)
	if err != nil {
		return err
	}
	// Written under a temporary name and renamed, so that a program that watches the folder never reads half a message.
	file, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return fmt.Errorf("make mail file: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // fails after the rename, as it should
	_, err = msg.WriteTo(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write mail file: %w", err)
	}
	path := filepath.Join(s.dir, fileName(now, message))
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("name mail file: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = fmt.Fprintf(s.console, "mail to %s: %q (%s)\n", message.To, message.Subject, path)
	if err != nil {
		return fmt.Errorf("announce mail: %w", err)
	}
	return nil
}

// fileName returns a name that sorts by time and is valid on every file system, for any address.
func fileName(now time.Time, message Message) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("@.+-", r):
			return r
		}
		return '_'
	}, message.To)
	id := messageID(&mail.Address{}, message.ID)[:8]
	return fmt.Sprintf("%s-%.80s-%s.eml", now.UTC().Format("20060102T150405.000000Z"), safe, id)
}
