package handler

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequiredVersions(t *testing.T) {
	t.Parallel()
	for ifMatch, want := range map[string][]int64{
		`"3"`: {3}, ` "3" `: {3}, `W/"3"`: {3}, `"3", "4"`: {3, 4}, `W/"3","4" , W/"5"`: {3, 4, 5}, `, "3",, "4" ,`: {3, 4},
		`"other"`: {}, `"03"`: {}, `""`: {}, `"3-gzip", "4"`: {4}, `"99999999999999999999"`: {}, `"a,b"`: {}, "*": nil, " * ": nil,
	} {
		got, err := requiredVersions(&ifMatch)
		require.NoError(t, err, ifMatch)
		require.Equal(t, want, got, ifMatch)
	}
	for _, broken := range []string{"", " ", ",", "3", `"3`, `3"`, `"3" "4"`, `"3";"4"`, `w/"3"`, `W/3`, `W/W/"3"`, `*, "3"`, `"3", *`, `"3", 4`} {
		_, err := requiredVersions(&broken)
		require.ErrorIs(t, err, errIfMatch, broken)
	}
	got, err := requiredVersions(nil)
	require.NoError(t, err)
	require.Nil(t, got, "whatever is there")
}
