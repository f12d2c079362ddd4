package mail_test

import (
	"context"
	"io"
	"net"
	"net/textproto"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mail"
)

func TestSMTP_failsWithoutAServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{addr: listener.Addr().String()}
	require.NoError(t, listener.Close())
	err = sending(t, s, withLogin).Send(t.Context(), letter())
	requireSafe(t, err, false)
	require.ErrorContains(t, err, "refused")
}

// A listener that accepts and never says a word.
func TestSMTP_timesOut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, conn) // until the client closes the connection, which it must
				_ = conn.Close()
			})
		}
	})
	for _, url := range []string{"smtp://", "smtps://"} {
		out, err := mail.NewSMTP(mail.SMTPConfig{
			URL: url + listener.Addr().String(), From: sender, Timeout: 50 * time.Millisecond,
		}, now)
		require.NoError(t, err)
		err = out.Send(t.Context(), letter())
		requireSafe(t, err, false)
		var late interface{ Timeout() bool } // the context's deadline or the connection's, whichever is noticed first
		require.ErrorAs(t, err, &late)
		require.True(t, late.Timeout())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out, err := mail.NewSMTP(mail.SMTPConfig{URL: "smtp://" + listener.Addr().String(), From: sender}, now)
	require.NoError(t, err)
	require.ErrorIs(t, out.Send(ctx, letter()), context.Canceled)
	require.NoError(t, listener.Close())
	wg.Wait()
}

// A server that stops answering in the middle of the hand-over.
func TestSMTP_timesOutAtTheEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := start(t, &server{onRcpt: func(int) error { <-release; return reply(451) }})
	ctx, cancel := context.WithCancel(t.Context())
	failed, out := make(chan error, 1), sending(t, s, withLogin)
	go func() { failed <- out.Send(ctx, letter()) }()
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.tries == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	err := <-failed
	close(release)
	requireSafe(t, err, false)
	require.ErrorIs(t, err, context.Canceled)
}

// A message that the server has accepted is sent, even where the connection breaks before QUIT. No SMTP library's server can
// do that.
func TestSMTP_connectionLostAfterTheHandOver(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		text := textproto.NewConn(conn)
		_ = text.PrintfLine("220 rude.example.com")
		for range 4 { // EHLO, MAIL, RCPT, DATA
			line, _ := text.ReadLine()
			code := 250
			if line == "DATA" {
				code = 354
			}
			_ = text.PrintfLine("%d go on", code)
		}
		_, _ = text.ReadDotBytes()
		_ = text.PrintfLine("250 taken")
		_ = text.Close()
	})
	out := sending(t, &server{addr: listener.Addr().String()}, withoutLogin+"?tls=none")
	require.NoError(t, out.Send(t.Context(), letter()))
	wg.Wait()
	require.NoError(t, listener.Close())
}
