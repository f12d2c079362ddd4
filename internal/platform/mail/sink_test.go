package mail_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mail"
)

func TestSink_writesAFileAndALine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev", "mail")
	var console bytes.Buffer
	sink, err := mail.NewSink(dir, sender, &console, now)
	require.NoError(t, err)
	message := letter()
	require.NoError(t, sink.Send(t.Context(), message))

	names := files(t, dir)
	require.Len(t, names, 1)
	require.Regexp(t, `^20261122T211402\.123456Z-ada@example\.org-[0-9a-f]{8}\.eml$`, names[0])
	path := filepath.Join(dir, names[0])
	require.Equal(t, `mail to ada@example.org: "Grüße aus dem Studio" (`+path+")\n", console.String())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	requireLetter(t, string(raw))
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestSink_namesSortByTimeAndStayInTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := now()
	sink, err := mail.NewSink(dir, sender, &bytes.Buffer{}, func() time.Time { at = at.Add(time.Microsecond); return at })
	require.NoError(t, err)
	recipients := []string{
		"z@example.org", `"../../etc/passwd"@example.org`, `"a/b\\c:*?"@example.org`, "ünï@example.org",
		strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + ".example.org",
	}
	for _, to := range recipients {
		message := letter()
		message.To = to
		err := sink.Send(t.Context(), message)
		if err != nil {
			require.True(t, mail.IsPermanent(err), "%s: %v", to, err)
		}
	}
	for _, name := range files(t, dir) {
		require.Regexp(t, `^20261122T211402\.1234[0-9]{2}Z-[A-Za-z0-9@._+-]{1,80}-[0-9a-f]{8}\.eml$`, name)
	}
	require.NotEmpty(t, files(t, dir))
}

func TestSink_refusesMalformedMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var console bytes.Buffer
	sink, err := mail.NewSink(dir, sender, &console, now)
	require.NoError(t, err)
	message := letter()
	message.To = "ada@example.org\r\nBcc: eve@example.org"
	require.True(t, mail.IsPermanent(sink.Send(t.Context(), message)))
	require.Empty(t, files(t, dir))
	require.Empty(t, console.String())
}

func TestSink_concurrent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var console bytes.Buffer
	sink, err := mail.NewSink(dir, sender, &console, time.Now)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			message := letter()
			message.ID += string(rune('a' + i))
			if err := sink.Send(context.WithoutCancel(t.Context()), message); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, files(t, dir), 50)
	require.Equal(t, 50, strings.Count(console.String(), "mail to ada@example.org"))
}

func TestNewSink_failsWhereItCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := mail.NewSink(filepath.Join(file, "mail"), sender, &bytes.Buffer{}, now)
	require.Error(t, err)
	_, err = mail.NewSink(t.TempDir(), "nobody", &bytes.Buffer{}, now)
	require.Error(t, err)
}
