package process_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// catcher is a mail server that accepts every mail and delivers none.
type catcher struct {
	address string

	mu    sync.Mutex
	mails []string
}

func catchMails(t *testing.T) *catcher {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &catcher{address: l.Addr().String()}
	server := smtp.NewServer(c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-served)
	})
	return c
}

// mailTo returns the first mail to an address, or "".
func (c *catcher) mailTo(address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, mail := range c.mails {
		if strings.Contains(mail, address) {
			return mail
		}
	}
	return ""
}

func (c *catcher) NewSession(*smtp.Conn) (smtp.Session, error) { return &caught{catcher: c}, nil }

// caught is one connection to a catcher.
type caught struct{ catcher *catcher }

func (*caught) Reset()                               {}
func (*caught) Logout() error                        { return nil }
func (*caught) Mail(string, *smtp.MailOptions) error { return nil }
func (*caught) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *caught) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.catcher.mu.Lock()
	defer s.catcher.mu.Unlock()
	s.catcher.mails = append(s.catcher.mails, string(mail))
	return nil
}
