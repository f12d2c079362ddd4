package mail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/mugshot-studio/backend/internal/platform/mail"
)

func contents() []mail.Content {
	return []mail.Content{
		mail.ConfirmEmail{Code: "012345", ValidFor: 10 * time.Minute},
		mail.ResetPassword{Token: "aZ-_09&<x>", ValidFor: 30 * time.Minute},
		mail.PasswordChanged{At: now(), From: mail.NewOrigin("curl/8", "192.0.2.7")},
		mail.AccountLocked{At: now(), For: time.Minute},
		mail.SecondFactorChanged{At: now(), Change: mail.FactorEnabled, From: mail.NewOrigin("curl/8", "192.0.2.7")},
		mail.SecondFactorChanged{At: now(), Change: mail.FactorReplaced, From: mail.NewOrigin("curl/8", "192.0.2.7")},
		mail.SecondFactorChanged{At: now(), Change: mail.FactorDisabled, From: mail.NewOrigin("curl/8", "192.0.2.7")},
		mail.SecondFactorChanged{At: now(), Change: mail.FactorReset},
	}
}

func written(t *testing.T) *mail.Templates {
	t.Helper()
	templates, err := mail.NewTemplates("MugShot Studio", "https://app.example.com/")
	require.NoError(t, err)
	return templates
}

func TestRender(t *testing.T) {
	t.Parallel()
	for i, want := range []struct {
		kind    mail.Kind
		subject string
		says    []string
	}{
		{"confirm_email", "Your code is 012345", []string{"012345", "10 minutes", "MugShot Studio"}},
		{"reset_password", "Choose a new password", []string{
			"https://app.example.com/reset-password#token=aZ-_09%26%3Cx%3E", "30 minutes", "once",
		}},
		{"password_changed", "Your password was changed", []string{
			"22 November 2026 at 21:14 UTC", "https://app.example.com/forgot-password", "from curl, at 192.0.2.7",
		}},
		{"account_locked", "Too many wrong passwords", []string{
			"22 November 2026 at 21:14 UTC", "for 1 minute.", "https://app.example.com/forgot-password",
		}},
		{"second_factor_changed", "Your second factor was turned on", []string{"with new recovery codes", "21:14 UTC from curl, at 192.0.2.7."}},
		{"second_factor_changed", "Your second factor was replaced", []string{"replaced by another one", "from curl, at 192.0.2.7."}},
		{"second_factor_changed", "Your second factor was turned off", []string{"turned off, and its", "from curl, at 192.0.2.7."}},
		{"second_factor_changed", "Your second factor was reset by our support", []string{"by our support", "all devices were signed out."}},
	} {
		content := contents()[i]
		require.Equal(t, want.kind, content.Kind())
		message, err := written(t).Render(content)
		require.NoError(t, err)
		require.Equal(t, want.subject, message.Subject)
		require.NotContains(t, message.Text, "<", "%s: markup in the text", want.kind)
		require.NotContains(t, message.Text+message.HTML, "no value")
		page := visible(t, message.HTML)
		for _, phrase := range want.says {
			require.Contains(t, message.Text, phrase, want.kind)
			require.Contains(t, page, phrase, want.kind)
		}
		for line := range strings.SplitSeq(message.Text, "\n") {
			require.LessOrEqual(t, len(line), 998, "RFC 5322, section 2.1.1")
		}
		message.ID, message.To = "1", "ada@example.org"
		sink, err := mail.NewSink(t.TempDir(), sender, discard{}, now)
		require.NoError(t, err)
		require.NoError(t, sink.Send(t.Context(), message))
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// visible returns what a page shows and links to. It requires that the page is well formed and loads nothing from elsewhere.
func visible(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var out strings.Builder
	headings := 0
	for node := range root.Descendants() {
		switch node.Type {
		case html.TextNode:
			out.WriteString(node.Data + " ")
		case html.ElementNode:
			require.NotContains(t, []string{"img", "script", "link", "iframe", "form", "object", "video"}, node.Data)
			if node.Data == "h1" {
				headings++
			}
			if node.Data == "table" {
				require.Contains(t, node.Attr, html.Attribute{Key: "role", Val: "presentation"})
			}
			for _, attribute := range node.Attr {
				require.NotContains(t, attribute.Val, "ZgotmplZ", "a value that html/template would not write")
				if attribute.Key == "href" {
					require.True(t, strings.HasPrefix(attribute.Val, "https://app.example.com/"), attribute.Val)
					out.WriteString(attribute.Val + " ")
				}
			}
		}
	}
	require.Equal(t, 1, headings)
	require.Contains(t, page, `<html lang="en">`)
	require.NotContains(t, page, "url(")
	require.NotContains(t, page, "@import")
	return strings.Join(strings.Fields(out.String()), " ")
}

func TestRender_minutes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1 minute", time.Minute: "1 minute", 61 * time.Second: "2 minutes", time.Hour: "60 minutes",
	} {
		message, err := written(t).Render(mail.ConfirmEmail{Code: "1", ValidFor: d})
		require.NoError(t, err)
		require.Contains(t, message.Text, "for "+want+".")
	}
}

func TestRender_escapes(t *testing.T) {
	t.Parallel()
	templates, err := mail.NewTemplates("<b>Studio</b>", "http://localhost:3000")
	require.NoError(t, err)
	message, err := templates.Render(mail.ConfirmEmail{Code: "<i>1</i>", ValidFor: time.Minute})
	require.NoError(t, err)
	require.NotContains(t, message.HTML, "<b>Studio")
	require.NotContains(t, message.HTML, "<i>1")
	require.Contains(t, message.Text, "<b>Studio</b>")
}

func TestNewTemplates_refusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, tc := range [][2]string{
		{"", "https://app.example.com"},
		{"Two\nlines", "https://app.example.com"},
		{"Studio", ""},
		{"Studio", "app.example.com"},
		{"Studio", "javascript:alert(1)"},
		{"Studio", "https://app.example.com?x=1"},
	} {
		_, err := mail.NewTemplates(tc[0], tc[1])
		require.Error(t, err, "%q", tc)
	}
}
