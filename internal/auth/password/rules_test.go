package password_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/mugshot-studio/backend/internal/auth/password"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plain, email, username string
		codes                  []string
	}{
		"good":                         {"correct horse battery", "ada@example.com", "ada.l", nil},
		"seven characters":             {"wq8zX!k", "ada@example.com", "ada.l", []string{"min_length"}},
		"eight characters":             {"wq8zX!kp", "ada@example.com", "ada.l", nil},
		"eight characters, more bytes": {"žluťoučk", "ada@example.com", "ada.l", nil},
		"four letters of two points":   {"u\u0308o\u0308a\u0308e\u0308", "ada@example.com", "ada.l", []string{"min_length"}},
		"128 characters":               {strings.Repeat("aß", 64), "ada@example.com", "ada.l", nil},
		"129 characters":               {strings.Repeat("a", 129), "ada@example.com", "ada.l", []string{"max_length"}},
		"128 emoji":                    {strings.Repeat("🎉", 128), "ada@example.com", "ada.l", nil},
		"129 emoji":                    {strings.Repeat("🎉", 129), "ada@example.com", "ada.l", []string{"max_length"}},
		"a megabyte":                   {strings.Repeat("a", 1<<20), "ada@example.com", "ada.l", []string{"max_length"}},
		"grows when normalised":        {strings.Repeat("\u0958", 65), "ada@example.com", "ada.l", []string{"max_length"}},
		"common":                       {"password1", "ada@example.com", "ada.l", []string{"too_common"}},
		"common, other case":           {"PassWord1", "ada@example.com", "ada.l", []string{"too_common"}},
		"common, full-width":           {"ｐａｓｓｗｏｒｄ１", "ada@example.com", "ada.l", []string{"too_common"}},
		"first of the list":            {"!qaz2wsx", "ada@example.com", "ada.l", []string{"too_common"}},
		"last of the list":             {"zzzzzzz1", "ada@example.com", "ada.l", []string{"too_common"}},
		"after the last of the list":   {"zzzzzzz2", "ada@example.com", "ada.l", nil},
		"a line break is no way in":    {"password\npassword1", "ada@example.com", "ada.l", nil},
		"e-mail":                       {"my-LoveLace-88", "lovelace@example.com", "ada.l", []string{"contains_email"}},
		"e-mail with a tag":            {"my-lovelace-88", "Lovelace+thumbs@example.com", "ada.l", []string{"contains_email"}},
		"short local part":             {"al-and-the-rest", "al@example.com", "ada.l", nil},
		"no e-mail":                    {"correct horse battery", "", "", nil},
		"username":                     {"xxADA.Lxx-7", "someone@example.com", "ada.l", []string{"contains_username"}},
		"our name":                     {"MugShot-2026!", "ada@example.com", "ada.l", []string{"contains_product"}},
		"our name, full-width":         {"ｍｕｇｓｈｏｔ2026", "ada@example.com", "ada.l", []string{"contains_product"}},
		"a word of the product":        {"my-studio-88", "ada@example.com", "ada.l", []string{"contains_product"}},
		"a short word of the product":  {"paint-the-sky-9", "ada@example.com", "ada.l", nil},
		"the domain":                   {"engines-are-fun", "ada@mail.engines.co.uk", "ada.l", []string{"contains_email"}},
		"a host of the domain":         {"I-like-mailing", "ada@mail.engines.co.uk", "ada.l", nil},
		"a public suffix":              {"community-of-one", "ada@ada.com", "ada.l", nil},
		"the domain, in letters":       {"my-bücher-88", "ada@xn--bcher-kva.example", "ada.l", []string{"contains_email"}},
		"everything at once":           {"ada", "ada@example.com", "ADA", []string{"min_length", "contains_email", "contains_username"}},
		"empty":                        {"", "ada@example.com", "ada.l", []string{"min_length"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var codes []string
			for _, f := range password.Check("new_password", tc.plain, password.Owner{
				Email: tc.email, Username: tc.username, Product: "Studio of the Sky",
			}) {
				codes = append(codes, f.Code)
				require.Equal(t, "/new_password", f.Field)
				require.Equal(t, "body", f.In)
				require.NotEmpty(t, f.Message)
				if tc.plain != "" {
					require.NotContains(t, f.Message, tc.plain)
				}
			}
			require.Equal(t, tc.codes, codes)
		})
	}
}

// The search relies on what this test holds the file to.
func TestCommon_fileIsSortedFoldedAndLongEnough(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("common.txt")
	require.NoError(t, err)
	text, ended := strings.CutSuffix(string(raw), "\n")
	require.True(t, ended)
	lines := strings.Split(text, "\n")
	require.Len(t, lines, 10_000)
	require.True(t, slices.IsSorted(lines))
	require.Len(t, slices.Compact(slices.Clone(lines)), len(lines))
	for _, line := range lines {
		require.Equal(t, strings.ToLower(norm.NFKC.String(line)), line)
		require.GreaterOrEqual(t, utf8.RuneCountInString(line), password.MinLength)
		require.NotEmpty(t, password.Check("password", line, password.Owner{}), line)
	}
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		password.Check("password", "correct horse battery", password.Owner{Email: "ada@example.com", Username: "ada.l", Product: "MugShot Studio"})
	}
}
