package mail_test

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mail"
)

func TestSMTP_starttlsAndAuth(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	require.NoError(t, sending(t, s, withLogin).Send(t.Context(), letter()))
	require.Len(t, s.delivered(), 1)
	got := s.delivered()[0]
	require.True(t, got.encrypted)
	require.Equal(t, smtpUser, got.user)
	require.Equal(t, "hello@example.com", got.from)
	require.Equal(t, "ada@example.org", got.to)
	requireLetter(t, got.data)
}

// requireLetter reads the MIME message as a mail program does.
func requireLetter(t *testing.T, data string) {
	t.Helper()
	message, err := netmail.ReadMessage(strings.NewReader(data))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, letter().Subject, subject)
	require.Equal(t, "<ada@example.org>", message.Header.Get("To"))
	require.Equal(t, `"MugShot Studio" <hello@example.com>`, message.Header.Get("From"))
	require.Equal(t, "auto-generated", message.Header.Get("Auto-Submitted"))
	require.Regexp(t, `^<[0-9a-f]{32}@example\.com>$`, message.Header.Get("Message-Id"))
	require.Empty(t, message.Header.Get("User-Agent"))
	date, err := message.Header.Date()
	require.NoError(t, err)
	require.WithinDuration(t, now(), date, time.Second)

	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for _, want := range []struct{ kind, body string }{
		{"text/plain; charset=UTF-8", letter().Text}, {"text/html; charset=UTF-8", letter().HTML},
	} {
		part, err := parts.NextRawPart()
		require.NoError(t, err)
		require.Equal(t, want.kind, part.Header.Get("Content-Type"))
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		require.Equal(t, want.body, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF)
}

func TestSMTP_usesImplicitTLS(t *testing.T) {
	t.Parallel()
	s := start(t, &server{implicit: true})
	for _, url := range []string{"smtps://" + withLogin[len("smtp://"):], withLogin + "?tls=implicit"} {
		require.NoError(t, sending(t, s, url).Send(t.Context(), letter()))
	}
	require.Len(t, s.delivered(), 2)
	for _, got := range s.delivered() {
		require.True(t, got.encrypted)
		require.Equal(t, smtpUser, got.user)
	}
}

func TestSMTP_plainWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, &server{noTLS: true})
	require.NoError(t, sending(t, s, withoutLogin+"?tls=none").Send(t.Context(), letter()))
	require.NoError(t, sending(t, s, withLogin+"?tls=none").Send(t.Context(), letter()), "a password stays on this machine")
	require.Len(t, s.delivered(), 2)
	require.False(t, s.delivered()[0].encrypted)
}

func TestSMTP_aRepeatCanBeRecognised(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	out, other := sending(t, s, withLogin), letter()
	other.ID = "0193a5c8-0000-7000-8000-000000000002"
	for _, message := range []mail.Message{letter(), letter(), other} {
		require.NoError(t, out.Send(t.Context(), message))
	}
	var ids []string
	for _, got := range s.delivered() {
		message, err := netmail.ReadMessage(strings.NewReader(got.data))
		require.NoError(t, err)
		ids = append(ids, message.Header.Get("Message-Id"))
	}
	require.Equal(t, ids[0], ids[1])
	require.NotEqual(t, ids[0], ids[2])
}

func TestSMTP_refusesAServerWithoutSTARTTLS(t *testing.T) {
	t.Parallel()
	s := start(t, &server{noTLS: true})
	requireSafe(t, sending(t, s, withoutLogin).Send(t.Context(), letter()), false)
	requireSafe(t, sending(t, s, withLogin).Send(t.Context(), letter()), false)
	require.Empty(t, s.delivered())
}

func TestSMTP_refusesAnUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	_, s.ca = authority(t)
	err := sending(t, s, withLogin).Send(t.Context(), letter())
	requireSafe(t, err, false)
	require.ErrorContains(t, err, "certificate")
	require.Empty(t, s.delivered())
}

func TestSMTP_aWrongPasswordIsNotPermanent(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	err := sending(t, s, "smtp://"+smtpUser+":wrong@HOST").Send(t.Context(), letter())
	requireSafe(t, err, false)
	require.ErrorContains(t, err, "535")
}

func TestSMTP_authAskedForButNotOffered(t *testing.T) {
	t.Parallel()
	s := start(t, &server{noAuth: true})
	requireSafe(t, sending(t, s, withLogin).Send(t.Context(), letter()), false)
	require.NoError(t, sending(t, s, withoutLogin).Send(t.Context(), letter()))
}

func reply(code int) error {
	return &smtp.SMTPError{Code: code, Message: "no <ada@example.org> here, says " + smtpPassword}
}

func TestSMTP_refusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		server    *server
		permanent bool
		code      string
	}{
		"recipient unknown":    {&server{onRcpt: func(int) error { return reply(550) }}, true, "550"},
		"recipient greylisted": {&server{onRcpt: func(int) error { return reply(451) }}, false, "451"},
		"content refused":      {&server{onData: func(int) error { return reply(554) }}, true, "554"},
		"content deferred":     {&server{onData: func(int) error { return reply(452) }}, false, "452"},
		"sender refused":       {&server{onMail: func() error { return reply(553) }}, false, "553"},
		"sender deferred":      {&server{onMail: func() error { return reply(450) }}, false, "450"},
		"greeting refused":     {&server{onConnect: func(*smtp.Conn) error { return reply(554) }}, false, "554"},
		"greeting deferred":    {&server{onConnect: func(*smtp.Conn) error { return reply(421) }}, false, "421"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tc.server)
			err := sending(t, s, withLogin).Send(t.Context(), letter())
			requireSafe(t, err, tc.permanent)
			require.ErrorContains(t, err, tc.code)
			require.Empty(t, s.delivered())
		})
	}
}

func TestSMTP_4xxFirstThenTaken(t *testing.T) {
	t.Parallel()
	s := start(t, &server{onRcpt: func(try int) error {
		if try == 1 {
			return reply(451)
		}
		return nil
	}})
	out := sending(t, s, withLogin)
	requireSafe(t, out.Send(t.Context(), letter()), false)
	require.NoError(t, out.Send(t.Context(), letter()))
	require.Len(t, s.delivered(), 1)
}

func TestSMTP_concurrent(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	out := sending(t, s, withLogin)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := out.Send(context.WithoutCancel(t.Context()), letter()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, s.delivered(), 20)
}

func TestSMTP_headerInjection(t *testing.T) {
	t.Parallel()
	s := start(t, &server{})
	out := sending(t, s, withLogin)
	for name, change := range map[string]func(*mail.Message){
		"subject, CRLF":              func(m *mail.Message) { m.Subject = "Hi\r\nBcc: eve@example.org" },
		"subject, LF":                func(m *mail.Message) { m.Subject = "Hi\nBcc: eve@example.org" },
		"subject, CR":                func(m *mail.Message) { m.Subject = "Hi\rBcc: eve@example.org" },
		"subject, NUL":               func(m *mail.Message) { m.Subject = "Hi\x00" },
		"subject, next line":         func(m *mail.Message) { m.Subject = "Hi\u0085Bcc: eve@example.org" },
		"no subject":                 func(m *mail.Message) { m.Subject = "" },
		"recipient, CRLF":            func(m *mail.Message) { m.To = "ada@example.org\r\nBcc: eve@example.org" },
		"recipient, CRLF in quotes":  func(m *mail.Message) { m.To = "\"a\r\nRCPT TO:<eve@example.org>\"@example.org" },
		"two recipients":             func(m *mail.Message) { m.To = "ada@example.org, eve@example.org" },
		"recipient with a name":      func(m *mail.Message) { m.To = "Eve <ada@example.org>" },
		"recipient in brackets":      func(m *mail.Message) { m.To = "<ada@example.org>" },
		"recipient with a comment":   func(m *mail.Message) { m.To = "ada@example.org (x)" },
		"recipient without a domain": func(m *mail.Message) { m.To = "ada" },
		"no recipient":               func(m *mail.Message) { m.To = "" },
		"no ID":                      func(m *mail.Message) { m.ID = "" },
		"endless ID":                 func(m *mail.Message) { m.ID = strings.Repeat("x", 256) },
		"no text":                    func(m *mail.Message) { m.Text = "" },
		"no HTML":                    func(m *mail.Message) { m.HTML = "" },
	} {
		message := letter()
		change(&message)
		err := out.Send(t.Context(), message)
		require.True(t, mail.IsPermanent(err), "%s: %v", name, err)
		require.NotContains(t, err.Error(), "example.org")
	}
	require.Empty(t, s.delivered())

	harmless := letter()
	harmless.ID = "x\r\nBcc: eve@example.org" // only its hash is written
	harmless.Text = "a\r\n.\r\nMAIL FROM:<eve@example.org>\r\n"
	require.NoError(t, out.Send(t.Context(), harmless))
	require.Len(t, s.delivered(), 1)
	message, err := netmail.ReadMessage(strings.NewReader(s.delivered()[0].data))
	require.NoError(t, err)
	require.Empty(t, message.Header.Get("Bcc"))
}

func TestNewSMTP_refusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, cfg := range []mail.SMTPConfig{
		{URL: "", From: sender},
		{URL: "mail.example.com:587", From: sender},
		{URL: "http://mail.example.com", From: sender},
		{URL: "smtp://", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com:port", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com:0", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com:70000", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com/path", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com?tls=maybe", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com?insecure=1", From: sender},
		{URL: "smtp://u:very-secret@mail.example.com?tls=none", From: sender},
		{URL: "smtps://u:very-secret@mail.example.com?tls=none", From: sender},
		{URL: "smtps://u:very-secret@mail.example.com?tls=starttls", From: sender},
		{URL: "smtp://localhost:1025?tls=none", From: sender, RequireTLS: true},
		{URL: "smtp://u:very-secret%zz@mail.example.com", From: sender},
		{URL: "smtp://mail.example.com", From: ""},
		{URL: "smtp://mail.example.com", From: "nobody"},
		{URL: "smtp://mail.example.com", From: "a@example.com\r\nBcc: eve@example.org"},
	} {
		_, err := mail.NewSMTP(cfg, now)
		require.Error(t, err, cfg.URL)
		require.NotContains(t, err.Error(), "very-secret")
		require.NotContains(t, err.Error(), "example.org")
	}
	for _, url := range []string{
		"smtp://mail.example.com", "smtps://mail.example.com", "smtp://mail.example.com:2525/?tls=starttls",
		"smtp://u:p%40ss@mail.example.com", "smtp://mailpit:1025?tls=none", "smtp://[::1]:1025?tls=none",
	} {
		_, err := mail.NewSMTP(mail.SMTPConfig{URL: url, From: sender}, now)
		require.NoError(t, err, url)
	}
}
