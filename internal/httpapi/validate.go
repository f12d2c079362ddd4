package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/apperr"
)

var errMediaType = apperr.New(apperr.UnsupportedMediaType, apperr.CodeUnsupportedMediaType,
	"Send the body as application/json, without content coding.")

var errQuery = apperr.Validation(apperr.Field{
	In: openapi3.ParameterInQuery, Code: codeEncoding, Message: "must be pairs of name=value, percent-encoded, with & between",
})

// validatedBody is what the generated code looks for: it binds the very value that was checked, with the spec's defaults
// filled in, instead of parsing the bytes a second time by other rules.
type validatedBody struct {
	io.Reader
	value any
}

func (b validatedBody) ValidatedValue() any { return b.value }
func (validatedBody) Close() error          { return nil }

// validate holds a request against the spec and reports everything that is wrong with it at once. It returns the body.
// Query parameters and headers that the spec does not know are ignored, as HTTP clients and proxies expect.
func (o *operation) validate(c echo.Context) (body any, err error) {
	var found violations
	if err := o.checkParams(c, &found); err != nil {
		return nil, err
	}
	if o.bodySchema != nil {
		if body, err = o.readBody(c, &found); err != nil {
			return nil, err
		}
	}
	return body, found.err()
}

func (o *operation) checkParams(c echo.Context, found *violations) error {
	if len(o.params) == 0 {
		return nil
	}
	r := c.Request()
	input := &openapi3filter.RequestValidationInput{Request: r, Route: o.route, Options: o.options}
	if o.hasPath {
		var err error
		if input.PathParams, err = pathParams(c); err != nil {
			return err
		}
	}
	if o.hasQuery {
		var err error
		if input.QueryParams, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return errQuery.With(err)
		}
	}
	for _, p := range o.params {
		if o.checkRaw(p, input, found) {
			if err := openapi3filter.ValidateParameter(r.Context(), input, p); err != nil {
				found.addParam(p, err)
			}
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

// checkRaw looks at what openapi3filter passes over: it takes the first of several values where the handler's binding
// may take another, and lets text through that no database column can hold. It reports whether p is worth its while.
func (o *operation) checkRaw(p *openapi3.Parameter, input *openapi3filter.RequestValidationInput, found *violations) bool {
	var values []string
	switch p.In {
	case openapi3.ParameterInPath:
		values = []string{input.PathParams[p.Name]}
	case openapi3.ParameterInQuery:
		values = input.QueryParams[p.Name]
	case openapi3.ParameterInHeader:
		values = input.Request.Header[http.CanonicalHeaderKey(p.Name)]
	default:
		return true
	}
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

// readBody reads and checks the body, and leaves its value for the generated code to bind; it is nil where there is
// none. An error means that there is nothing to check.
func (o *operation) readBody(c echo.Context, found *violations) (any, error) {
	r := c.Request()
	data, err := readAll(c.Response().Writer, r, o.maxBody)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		if o.bodyRequired {
			found.add(inBody, "", codeRequired, "is required")
		}
		r.Body, r.ContentLength = http.NoBody, 0
		return nil, nil
	}
	if !isJSON(r.Header) {
		return nil, errMediaType
	}
	doc, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	o.checkBody(doc, found)
	r.Body, r.ContentLength = validatedBody{bytes.NewReader(data), doc.value}, int64(len(data))
	return doc.value, nil
}

func (o *operation) checkBody(doc document, found *violations) {
	found.addBody(o.bodySchema.VisitJSON(doc.value, o.bodyOptions...))
	for _, path := range doc.nul {
		found.add(inBody, pointer(path), codeNUL, mustNotBeNUL)
	}
	for _, path := range doc.numbers {
		if anyAt(o.bodySchema, path, isInteger) {
			found.add(inBody, pointer(path), codeType, mustBeInteger+", written without point and exponent")
		}
	}
	for _, path := range doc.nulls {
		if anyAt(o.bodySchema, path, hidesNull) {
			found.add(inBody, pointer(path), codeNull, mustNotBeNull)
		}
	}
}

func isInteger(s *openapi3.Schema) bool { return s.Type.Is(openapi3.TypeInteger) }

// hidesNull reports whether null, which s does not allow, was replaced by its default before anybody looked.
func hidesNull(s *openapi3.Schema) bool { return s.Default != nil && !s.Nullable }

// anyAt reports whether one of the schemas that hold at path is such. The spec has neither oneOf nor anyOf in requests.
func anyAt(s *openapi3.Schema, path []string, such func(*openapi3.Schema) bool) bool {
	for _, sub := range s.AllOf {
		if anyAt(sub.Value, path, such) {
			return true
		}
	}
	if len(path) == 0 {
		return such(s)
	}
	if s.Items != nil {
		return anyAt(s.Items.Value, path[1:], such)
	}
	if member := s.Properties[path[0]]; member != nil {
		return anyAt(member.Value, path[1:], such)
	}
	return false
}

// readAll reads a body of at most limit bytes. One that says beforehand that it is longer is not read at all.
func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, apperr.ErrTooLarge
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, apperr.ErrTooLarge
	}
	if err != nil {
		if r.Context().Err() != nil {
			return nil, context.Cause(r.Context())
		}
		return nil, errMalformedJSON.WithMessage("The body did not arrive whole.").With(err)
	}
	return buf.Bytes(), nil
}

// isJSON accepts application/json, in UTF-8 if it says so (RFC 8259, 8.1), and no content coding (RFC 9110, 8.4).
func isJSON(h http.Header) bool {
	types := h["Content-Type"]
	if len(types) != 1 {
		return false
	}
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false
	}
	if types[0] == jsonMediaType {
		return true
	}
	media, params, err := mime.ParseMediaType(types[0])
	charset, ok := params["charset"]
	return err == nil && media == jsonMediaType && (!ok || strings.EqualFold(charset, "utf-8"))
}
