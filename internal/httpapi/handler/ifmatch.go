package handler

import (
	"strconv"
	"strings"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// errIfMatch says how If-Match is written.
var errIfMatch = apperr.Validation(apperr.Field{
	Field: "If-Match", In: "header", Code: "format", Message: `Send the project's ETag with its quotes, such as "3", a list of them, or *.`,
})

// requiredVersions reads If-Match (RFC 9110, 13.1.1): nil without it or for *, which any project matches, and else the
// versions that its tags name. A tag that was never issued names none, so that a list of such tags is matched by no
// project. Weak tags count as strong ones do: proxies that compress an answer make its tag weak, and the version is what
// the tag is about.
func requiredVersions(ifMatch *string) ([]int64, error) {
	if ifMatch == nil || trimSpace(*ifMatch) == "*" {
		return nil, nil
	}
	versions, tags := []int64{}, 0
	for rest := trimSpace(*ifMatch); rest != ""; {
		if after, empty := strings.CutPrefix(rest, ","); empty { // a list may have empty elements (RFC 9110, 5.6.1.2)
			rest = trimSpace(after)
			continue
		}
		quoted, ok := strings.CutPrefix(strings.TrimPrefix(rest, "W/"), `"`)
		opaque, after, closed := strings.Cut(quoted, `"`)
		rest = trimSpace(after)
		if !ok || !closed || rest != "" && rest[0] != ',' {
			return nil, errIfMatch
		}
		tags++
		if version, err := strconv.ParseInt(opaque, 10, 64); err == nil && strconv.FormatInt(version, 10) == opaque {
			versions = append(versions, version)
		}
	}
	if tags == 0 {
		return nil, errIfMatch
	}
	return versions, nil
}

// trimSpace removes optional white space (RFC 9110, 5.6.3).
func trimSpace(s string) string { return strings.Trim(s, " \t") }
