package edge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

var errMediaType = apperr.New(apperr.UnsupportedMediaType, apperr.CodeUnsupportedMediaType,
	"Send the body as application/json, without content coding.")

// validatedBody is what the generated code looks for: it binds the very value that was checked, with the spec's defaults
// filled in, instead of parsing the bytes a second time by other rules.
type validatedBody struct {
	io.Reader
	value any
}

func (b validatedBody) ValidatedValue() any { return b.value }
func (validatedBody) Close() error          { return nil }

// validate checks a request against the spec and reports everything that is wrong with it at once. It returns the body.
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
	if o.bodyTimes && len(*found) == 0 {
		doc.value = spellTimes(o.bodySchema, doc.value)
	}
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

// hidesNull reports whether null, which s does not allow, was replaced by its default before the schema was asked.
func hidesNull(s *openapi3.Schema) bool { return s.Default != nil && !s.Nullable }

// anyAt reports whether such holds for one of the schemas that apply at path. The spec has neither oneOf nor anyOf in requests.
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

// readAll reads a body of at most limit bytes. A body whose Content-Length is more is not read at all.
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
	switch {
	case err == nil:
		return buf.Bytes(), nil
	case errors.Is(err, os.ErrDeadlineExceeded): // of the connection; see readTimeout
		return nil, apperr.ErrTimeout.With(err)
	case errors.Is(err, syscall.ECONNRESET):
		return nil, errClientGone
	}
	return nil, errMalformedJSON.WithMessage("The body did not arrive whole.").With(err)
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
