// Package speccheck checks the answers of a handler against api/openapi.yaml while tests use it: status, headers and body of
// every operation, and the error envelope of every other path. It is stricter than the spec in one point: an answer must not have
// a member that the spec does not name, so that no column of the database leaks by accident.
package speccheck

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/mugshot-studio/backend/gen/api"
)

// Wrap returns h with a check behind it: an answer that the spec under basePath does not allow fails t. Paths that begin with
// one of skip have another protocol and are not checked, nor are the bodies of event streams.
func Wrap(t testing.TB, basePath string, h http.Handler, skip ...string) http.Handler {
	t.Helper()
	c, err := newChecker(basePath)
	if err != nil {
		t.Fatalf("speccheck: %v", err)
	}
	var over atomic.Bool // a handler may outlive its test, whose t must not be used then
	t.Cleanup(func() { over.Store(true) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Clone(context.WithoutCancel(r.Context()))
		rec := &recorder{ResponseWriter: w}
		h.ServeHTTP(rec, r)
		if over.Load() || slices.ContainsFunc(skip, func(p string) bool { return strings.HasPrefix(asked.URL.Path, p) }) {
			return
		}
		if err := c.check(asked, rec); err != nil {
			t.Errorf("speccheck: request %s: %s %s answered %d: %v",
				rec.header.Get("X-Request-Id"), asked.Method, asked.URL.Path, rec.status, err)
		}
	})
}

type checker struct {
	basePath string
	doc      *openapi3.T
	envelope *openapi3.Schema
	options  *openapi3filter.Options
}

// spec parses the spec once for all tests of a binary: with the race detector that takes 0.1 s.
var spec = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := api.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("load spec: %w", err)
	}
	for _, schema := range doc.Components.Schemas {
		forbidExtras(schema.Value)
	}
	return doc, nil
})

func newChecker(basePath string) (*checker, error) {
	doc, err := spec()
	if err != nil {
		return nil, err
	}
	envelope := doc.Components.Schemas["ErrorEnvelope"]
	if envelope == nil {
		return nil, errors.New("the spec has no ErrorEnvelope")
	}
	return &checker{basePath: basePath, doc: doc, envelope: envelope.Value, options: &openapi3filter.Options{
		IncludeResponseStatus:   true,
		MultiError:              true,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidators(formats())},
	}}, nil
}

// forbidExtras sets additionalProperties to false in every object for which the spec does not set it.
func forbidExtras(s *openapi3.Schema) {
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		closed := false
		s.AdditionalProperties.Has = &closed
	}
	for _, p := range s.Properties {
		if p.Ref == "" {
			forbidExtras(p.Value)
		}
	}
	if s.Items != nil && s.Items.Ref == "" {
		forbidExtras(s.Items.Value)
	}
}

func formats() map[string]openapi3.StringFormatValidator {
	return map[string]openapi3.StringFormatValidator{
		"uuid": openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562),
		"uri": openapi3.NewCallbackValidator(func(s string) error {
			u, err := url.Parse(s)
			if err == nil && !u.IsAbs() {
				err = errors.New("not absolute")
			}
			return err
		}),
	}
}

func (c *checker) check(r *http.Request, rec *recorder) error {
	if rec.status == 0 {
		return errors.New("nothing was written, which net/http sends as an empty 200")
	}
	if rec.header.Get("X-Request-Id") == "" {
		return errors.New("no X-Request-Id")
	}
	if rec.status == http.StatusNoContent && rec.body.Len() > 0 {
		return errors.New("204 with a body")
	}
	if rec.status >= http.StatusBadRequest && r.Method != http.MethodHead {
		if err := c.checkEnvelope(rec); err != nil {
			return err
		}
	}
	route := c.find(r)
	if route == nil {
		return nil
	}
	options := *c.options
	options.ExcludeResponseBody = isEventStream(rec.header)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 rec.status,
		Header:                 rec.header,
		Options:                &options,
	}
	input.SetBodyBytes(rec.body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), input); err != nil {
		return fmt.Errorf("%w\n%s", err, rec.body.Bytes())
	}
	return nil
}

// find returns the operation that answers a request, and nil for everything outside of the spec.
func (c *checker) find(r *http.Request) *routers.Route {
	path, ok := strings.CutPrefix(r.URL.Path, c.basePath)
	if !ok {
		return nil
	}
	var found *routers.Route
	for template, item := range c.doc.Paths.Map() {
		if op := item.GetOperation(r.Method); op != nil && matches(template, path) && (found == nil || template == path) {
			found = &routers.Route{Spec: c.doc, Path: template, PathItem: item, Method: r.Method, Operation: op}
		}
	}
	return found
}

// matches compares segment by segment. Where a literal path and a template fit both, find takes the literal one.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || (strings.HasPrefix(w, "{") && g != "") })
}

func (c *checker) checkEnvelope(rec *recorder) error {
	if got := rec.header.Get("Content-Type"); got != "application/json" {
		return fmt.Errorf("an error of type %q, not an envelope", got)
	}
	var value any
	if err := json.Unmarshal(rec.body.Bytes(), &value); err != nil {
		return fmt.Errorf("an error that is not JSON: %w", err)
	}
	if err := c.envelope.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("not an envelope: %w", err)
	}
	return nil
}

func isEventStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

// recorder passes an answer on and keeps a copy.
type recorder struct {
	http.ResponseWriter
	status int
	header http.Header // as it was sent
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status, r.header = status, r.Header().Clone()
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if !isEventStream(r.header) {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

// Hijack records the headers of an answer that its handler writes to the connection itself, as event streams do.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	header := r.Header().Clone()
	conn, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.status, r.header = http.StatusOK, header
	}
	return conn, rw, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
