package apptest

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// workerTimeout bounds every wait for a worker.
const workerTimeout = 20 * time.Second

// mailbox is the console on which the development mail sink announces its mails, one line each.
type mailbox struct {
	mu      sync.Mutex
	mails   []announced
	arrived chan struct{} // closed and replaced at each arrival
}

type announced struct {
	to, subject string
}

func newMailbox() *mailbox { return &mailbox{arrived: make(chan struct{})} }

var announcement = regexp.MustCompile(`^mail to (\S+): ("(?:[^"\\]|\\.)*") \(`)

// Write implements io.Writer.
func (m *mailbox) Write(line []byte) (int, error) {
	parts := announcement.FindSubmatch(line)
	if parts == nil {
		return len(line), nil
	}
	subject, err := strconv.Unquote(string(parts[2]))
	if err != nil {
		return 0, fmt.Errorf("read subject: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, announced{to: string(parts[1]), subject: subject})
	close(m.arrived)
	m.arrived = make(chan struct{})
	return len(line), nil
}

// take removes and returns the oldest mail to an address with a wanted subject, and waits until there is one.
func (m *mailbox) take(ctx context.Context, to string, wanted func(subject string) bool) (subject string, err error) {
	for {
		m.mu.Lock()
		for i, mail := range m.mails {
			if strings.EqualFold(mail.to, to) && wanted(mail.subject) {
				m.mails = append(m.mails[:i], m.mails[i+1:]...)
				m.mu.Unlock()
				return mail.subject, nil
			}
		}
		arrived := m.arrived
		m.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for a mail to %s: %w", to, context.Cause(ctx))
		}
	}
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// Code waits for a mail with a confirmation code, which a worker sends, and returns the code. Each mail is read once,
// the oldest first.
func (a *App) Code(t testing.TB, email string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), workerTimeout)
	defer cancel()
	subject, err := a.mails.take(ctx, email, sixDigits.MatchString)
	require.NoError(t, err)
	return sixDigits.FindString(subject)
}
