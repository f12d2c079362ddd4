package edge

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
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

// param is a parameter of an operation. openapi3filter decides whether its value is valid; a value that is plainly valid, as
// most are, need not be passed to it, and a test holds the two to the same decision.
type param struct {
	*openapi3.Parameter

	header   string            // the name as http.Header has it
	optional bool              // it may be left out, and nothing takes its place
	plain    func(string) bool // whether a value that is given once is plainly right; it knows ASCII alone
}

func newParam(p *openapi3.Parameter) param {
	made := param{Parameter: p, header: http.CanonicalHeaderKey(p.Name), plain: func(string) bool { return false }}
	if p.Schema == nil || p.Style != "" || p.Explode != nil || p.AllowReserved || p.AllowEmptyValue {
		return made
	}
	s, rest := p.Schema.Value, *p.Schema.Value // rest is what is left of the schema when all that is looked at is taken out
	rest.Type, rest.Format, rest.Enum, rest.Default = nil, "", nil, nil
	rest.Min, rest.Max, rest.MinLength, rest.MaxLength = nil, nil, 0, nil
	rest.Title, rest.Description, rest.Example, rest.Examples, rest.Extensions, rest.Origin = "", "", nil, nil, nil, nil
	isText, isNumber := s.Type.Is(openapi3.TypeString), s.Type.Is(openapi3.TypeInteger)
	isListed, isBounded, isMeasured := len(s.Enum) > 0, s.Min != nil || s.Max != nil, s.MinLength > 0 || s.MaxLength != nil
	isSeen := p.In == openapi3.ParameterInQuery || p.In == openapi3.ParameterInHeader // cookies are left to openapi3filter
	made.optional = isSeen && !p.Required && s.Default == nil && len(s.AllOf) == 0 && (isText || isNumber)
	switch {
	case !reflect.DeepEqual(rest, openapi3.Schema{}):
	case isText && s.Format == "uuid" && !isListed && !isBounded && !isMeasured:
		made.plain = isUUID
	case isText && s.Format == "" && isListed && !isBounded && !isMeasured:
		made.plain = func(value string) bool { return value != "" && slices.Contains(s.Enum, any(value)) }
	case isText && s.Format == "" && !isListed && !isBounded:
		made.plain = func(value string) bool { return isPlainWord(value, s.MinLength, s.MaxLength) }
	case isNumber && !isListed && !isMeasured:
		made.plain = func(value string) bool { return isPlainInteger(value, s.Min, s.Max) }
	}
	return made
}

// isPlainWord accepts letters and digits of ASCII, - and _, at least one of them.
func isPlainWord(value string, least uint64, most *uint64) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	n := uint64(len(value))
	return n > 0 && n >= least && (most == nil || n <= *most)
}

// isPlainInteger accepts up to nine digits, the first of which is not 0, within bounds.
func isPlainInteger(value string, least, most *float64) bool {
	if len(value) == 0 || len(value) > 9 || value[0] == '0' || strings.Trim(value, "0123456789") != "" {
		return false
	}
	n, err := strconv.Atoi(value)
	return err == nil && (least == nil || float64(n) >= *least) && (most == nil || float64(n) <= *most)
}

// isRight reports whether values are plainly so.
func (p *param) isRight(values []string) bool {
	return len(values) == 0 && p.optional || len(values) == 1 && p.plain(values[0])
}

func (o *operation) checkParams(c echo.Context, found *violations) error {
	if len(o.params) == 0 {
		return nil
	}
	r := c.Request()
	var path map[string]string // nil: all in it is plainly right
	var query url.Values
	var err error
	if o.hasPath && !o.isPathRight(c) {
		if path, err = pathParams(c); err != nil {
			return err
		}
	}
	if o.hasQuery {
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return errQuery.With(err)
		}
	}
	for i := range o.params {
		p := &o.params[i]
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			if path == nil {
				continue
			}
			values = []string{path[p.Name]}
		case openapi3.ParameterInQuery:
			values = query[p.Name]
		case openapi3.ParameterInHeader:
			values = r.Header[p.header]
		}
		if p.isRight(values) || !p.checkRaw(values, found) {
			continue
		}
		input := &openapi3filter.RequestValidationInput{
			Request: r, Route: o.route, Options: o.options, PathParams: path, QueryParams: query,
		}
		if err := openapi3filter.ValidateParameter(r.Context(), input, p.Parameter); err != nil {
			found.addParam(p.Parameter, err)
		}
	}
	return nil
}

// isPathRight reports whether every parameter in the path is plainly right as it was sent. What is plain has no escapes
// and no slashes, so that it need not be decoded.
func (o *operation) isPathRight(c echo.Context) bool {
	for i := range o.params {
		if p := &o.params[i]; p.In == openapi3.ParameterInPath && !p.plain(c.Param(p.Name)) {
			return false
		}
	}
	return true
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
