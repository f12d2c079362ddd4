package mail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mail"
)

func TestDevice_quotesNothing(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0":                                              "Firefox on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":         "Safari on a Mac",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1":     "Safari on an iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":               "Chrome on Android",
		"curl/8.5.0":        "curl",
		"MugShot/1 (Linux)": "a program on Linux",
		"Your account is at risk, call +1 555 0100 or visit evil.example": "an unknown device",
		"": "an unknown device",
	} {
		require.Equal(t, want, mail.Device(agent))
	}
	require.Equal(t, "curl, at 2001:db8::1", mail.NewOrigin("curl/8", "2001:db8::1").String())
	require.Equal(t, "curl", mail.NewOrigin("curl/8", "visit evil.example").String())
	require.Equal(t, "an unknown device", mail.Origin{}.String())
}
