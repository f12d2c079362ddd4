package mail_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const sender = "MugShot Studio <hello@example.com>"

// now is the time of all tests.
func now() time.Time { return time.Date(2026, 11, 22, 21, 14, 2, 123456000, time.UTC) }

// letter is a message.
func letter() mail.Message {
	return mail.Message{
		ID: "0193a5c8-0000-7000-8000-000000000001", To: "ada@example.org", Subject: "Grüße aus dem Studio",
		Text: "Ein kurzer Gruß.\n.\nEnde.\n", HTML: "<p>Ein kurzer <b>Gruß</b>.</p>",
	}
}

// sending returns a sender to s; url names it HOST.
func sending(t *testing.T, s *server, url string) *mail.SMTP {
	t.Helper()
	sender, err := mail.NewSMTP(mail.SMTPConfig{
		URL: strings.ReplaceAll(url, "HOST", s.addr), From: sender, Timeout: time.Hour,
		TLS: &tls.Config{RootCAs: s.ca, MinVersion: tls.VersionTLS12},
	}, now)
	require.NoError(t, err)
	return sender
}

const (
	withLogin    = "smtp://" + smtpUser + ":" + smtpPassword + "@HOST"
	withoutLogin = "smtp://HOST"
)

// requireSafe requires that an error of Send quotes neither credentials nor the message.
func requireSafe(t *testing.T, err error, permanent bool) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, permanent, mail.IsPermanent(err), err)
	for _, secret := range []string{smtpUser, smtpPassword, "ada", "Gruß", "Studio", "hello@"} {
		require.NotContains(t, err.Error(), secret)
	}
}
