package edge

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

var errQuery = apperr.Validation(apperr.Field{
	In: openapi3.ParameterInQuery, Code: codeEncoding, Message: "must be pairs of name=value, percent-encoded, with & between",
})

// param is a parameter of an operation.
type param struct {
	*openapi3.Parameter

	header string // the name as http.Header has it
}

func newParam(p *openapi3.Parameter) param {
	return param{Parameter: p, header: http.CanonicalHeaderKey(p.Name)}
}

// checkParams checks all parameters: what openapi3filter ignores by checkRaw, everything else by openapi3filter.
func (o *operation) checkParams(c echo.Context, found *violations) error {
	if len(o.params) == 0 {
		return nil
	}
	r := c.Request()
	var path map[string]string
	var query url.Values
	var err error
	if o.hasPath {
		if path, err = pathParams(c); err != nil {
			return err
		}
	}
	if o.hasQuery {
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return errQuery.With(err)
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, Route: o.route, Options: o.options, PathParams: path, QueryParams: query,
	}
	for i := range o.params {
		p := &o.params[i]
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			values = []string{path[p.Name]}
		case openapi3.ParameterInQuery:
			values = query[p.Name]
		case openapi3.ParameterInHeader:
			values = r.Header[p.header]
		case openapi3.ParameterInCookie:
			for _, cookie := range r.CookiesNamed(p.Name) {
				values = append(values, cookie.Value)
			}
		}
		if !p.checkRaw(values, found) {
			continue
		}
		if err := openapi3filter.ValidateParameter(r.Context(), input, p.Parameter); err != nil {
			found.addParam(p.Parameter, err)
		}
	}
	return nil
}

// pathParams decodes what Echo matched. Echo lets the last parameter of a route swallow slashes; such a path is another
// one, which does not exist.
func pathParams(c echo.Context) (map[string]string, error) {
	names, values := c.ParamNames(), c.ParamValues()
	params := make(map[string]string, len(names))
	for i, name := range names {
		value := values[i]
		if strings.Contains(value, "/") {
			return nil, errNoRoute
		}
		if c.Request().URL.RawPath != "" { // Echo then matches the path as it was sent
			var err error
			if value, err = url.PathUnescape(value); err != nil {
				return nil, errNoRoute
			}
		}
		params[name] = value
	}
	return params, nil
}

// checkRaw checks what openapi3filter ignores: that takes the first of several values where the handler's binding
// may take another, and lets text through that no database column can hold. It reports whether
// openapi3filter has anything left to check.
func (p *param) checkRaw(values []string, found *violations) bool {
	if len(values) > 1 && !p.Schema.Value.Type.Is(openapi3.TypeArray) {
		found.add(p.In, p.Name, codeRepeated, "must be given once")
		return false
	}
	for _, value := range values {
		switch {
		case !utf8.ValidString(value):
			found.add(p.In, p.Name, codeEncoding, "must be UTF-8")
			return false
		case strings.IndexByte(value, 0) >= 0:
			found.add(p.In, p.Name, codeNUL, mustNotBeNUL)
			return false
		case value == "" && !p.Schema.Value.Type.Is(openapi3.TypeString):
			found.add(p.In, p.Name, codeEmpty, "must not be empty")
			return false
		}
	}
	return true
}
