package mailaddress_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		" Ada@Example.COM ":                      "Ada@Example.COM",
		"a.b+tag@mail.example.co.uk":             "a.b+tag@mail.example.co.uk",
		"ada@bücher.example":                     "ada@xn--bcher-kva.example",
		"ada@BÜCHER.example":                     "ada@xn--bcher-kva.example",
		"ada@xn--bcher-kva.example":              "ada@xn--bcher-kva.example",
		"ada@bu\u0308cher.example":               "ada@xn--bcher-kva.example",
		"o'neill@example.com":                    "o'neill@example.com",
		"ada@faß.example":                        "ada@xn--fa-hia.example",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
	} {
		got, err := mailaddress.Normalize(typed)
		require.NoError(t, err, typed)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{
		"", "ada", "@example.com", "ada@", ".dot@example.com", "dot.@example.com", "a..b@example.com", `"a b"@example.com`, "a b@example.com",
		"ada@localhost", "ada@example..com", "ada@.example.com", "ada@example.com.", "ada@-example.com", "ada@exa_mple.com", "ädä@example.com",
		"ada@[192.0.2.1]", "ada@xn--a.example", "a@b@example.com", strings.Repeat("a", 65) + "@example.com",
		"ada@" + strings.Repeat("a", 64) + ".com", "ada@" + strings.Repeat("a.", 125) + "com", "ada@\u202eexample.com",
	} {
		_, err := mailaddress.Normalize(bad)
		require.Error(t, err, "%q", bad)
	}
}
