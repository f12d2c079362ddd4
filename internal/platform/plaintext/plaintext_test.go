package plaintext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/plaintext"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"Ada", "Ἀ", "\u611b", "🙂", "O'Neill ", "👩‍🎨", "مرحبا\u200f", "é", "?", "a\u00adb"} {
		require.Empty(t, plaintext.Line(good), "%q", good)
	}
	for _, blank := range []string{
		"", " ", "\u00a0", "\u2003\u3000", "\u200b", "\u200b\u200d\ufeff", "\u00ad", "\u3164", "\u115f\u1160\uffa0", "\u2800", "\u0301", "\ufe0f", "\U000e0041",
	} {
		require.Equal(t, plaintext.CodeBlank, plaintext.Line(blank), "%q", blank)
	}
	for _, control := range []string{"a\x00", "a\nb", "a\tb", "\x1b[31ma", "a\x7f", "a\u0085b", "\u202egpj.exe", "a\u202a", "\u2066a\u2069"} {
		require.Equal(t, plaintext.CodeControl, plaintext.Line(control), "%q", control)
		require.True(t, plaintext.HasControl(control))
	}
	require.False(t, plaintext.HasControl(""))
}

func TestLines(t *testing.T) {
	t.Parallel()
	require.Empty(t, plaintext.Lines("Dear Ada,\r\n\tyours"))
	require.Equal(t, plaintext.CodeBlank, plaintext.Lines("\n\t\u200b"))
	require.Equal(t, plaintext.CodeControl, plaintext.Lines("Dear\x07 Ada"))
	require.Equal(t, plaintext.CodeControl, plaintext.Lines("Dear \u202eAda"))
}
