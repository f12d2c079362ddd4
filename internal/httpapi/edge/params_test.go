package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
)

// allParams are the parameters of all operations, by operation and name.
func allParams(t testing.TB) map[string]struct {
	*operation
	param
} {
	t.Helper()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	operations, err := readOperations(doc)
	require.NoError(t, err)
	all := map[string]struct {
		*operation
		param
	}{}
	for _, o := range operations {
		for _, p := range o.params {
			all[o.id+" "+p.In+" "+p.Name] = struct {
				*operation
				param
			}{o, p}
		}
	}
	return all
}

// violationsOf returns what openapi3filter, and checkRaw before it, find wrong with the values of a parameter.
func violationsOf(o *operation, p param, values ...string) error {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	input := &openapi3filter.RequestValidationInput{Request: r, Route: o.route, Options: o.options, QueryParams: url.Values{}}
	if len(values) > 0 {
		switch p.In {
		case openapi3.ParameterInPath:
			input.PathParams = map[string]string{p.Name: values[0]}
		case openapi3.ParameterInQuery:
			input.QueryParams[p.Name] = values
		case openapi3.ParameterInHeader:
			r.Header[p.header] = values
		}
	}
	var found violations
	if p.checkRaw(values, &found) {
		if err := openapi3filter.ValidateParameter(r.Context(), input, p.Parameter); err != nil {
			found.addParam(p.Parameter, err)
		}
	}
	return found.err()
}

// What passes without openapi3filter would pass before it.
func requireSameDecision(t *testing.T, name string, o *operation, p param, values ...string) {
	t.Helper()
	if !p.isRight(values) {
		return
	}
	require.NoError(t, violationsOf(o, p, values...), "%s: %q", name, values)
	for _, value := range values {
		decoded, err := url.PathUnescape(value)
		require.NoError(t, err)
		require.Equal(t, value, decoded, "what is plain has no escapes")
		require.NotContains(t, value, "/")
	}
}

func FuzzParam_plainIsValid(f *testing.F) {
	for _, seed := range []string{
		"", "0", "1", "50", "100", "101", "007", "+5", "-1", "1e1", "1.0", " 1", "999999999", "9999999999", "asc", "desc", "ASC", "done",
		aUUID, strings.ToUpper(aUUID), "{" + aUUID + "}", "urn:uuid:" + aUUID, aUUID + "\n", "MDE5YTdmNTA", strings.Repeat("a", 256), "a b", "a%2Fb",
		"\x00", "\xff", "größer", "true", "null", "[]",
	} {
		f.Add(seed)
	}
	all := allParams(f)
	f.Fuzz(func(t *testing.T, value string) {
		for name, p := range all {
			requireSameDecision(t, name, p.operation, p.param, value)
		}
	})
}

// Every value at the bounds of what the spec says, and one that is absent or there twice.
func TestParam_plainIsValidAtTheBounds(t *testing.T) {
	t.Parallel()
	plain := 0
	for name, p := range allParams(t) {
		requireSameDecision(t, name, p.operation, p.param)
		requireSameDecision(t, name, p.operation, p.param, "1", "1")
		s := p.Schema.Value
		values := []string{aUUID}
		for _, listed := range s.Enum {
			values = append(values, fmt.Sprint(listed))
		}
		for n := range 300 {
			values = append(values, fmt.Sprint(n), strings.Repeat("x", n))
		}
		right := 0
		for _, value := range values {
			requireSameDecision(t, name, p.operation, p.param, value)
			if p.plain(value) {
				right++
			}
		}
		if right > 0 {
			plain++
		}
		if p.In == openapi3.ParameterInPath && s.Format == "uuid" || p.Name == "limit" || p.Name == "cursor" || p.Name == "order" {
			require.Positive(t, right, "%s asks openapi3filter about everything", name)
		}
		if p.In == openapi3.ParameterInCookie {
			require.False(t, p.optional, "%s is not looked for", name)
		}
	}
	require.Greater(t, plain, 20)
}
