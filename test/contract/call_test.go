package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// operation is one operation of the spec.
type operation struct {
	*openapi3.Operation

	method, path string
	params       openapi3.Parameters
	secured      bool
	body         *openapi3.Schema // nil: none
	bodyRequired bool
	bodyLimit    int // bytes
}

func operations(doc *openapi3.T) (list []*operation) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := &operation{Operation: item.GetOperation(method), method: method, path: path}
			op.params = slices.Concat(item.Parameters, op.Parameters)
			op.secured = op.Security == nil
			if op.RequestBody != nil {
				op.body = op.RequestBody.Value.Content["application/json"].Schema.Value
				op.bodyRequired = op.RequestBody.Value.Required
			}
			limit, _ := op.Extensions["x-max-body-bytes"].(float64)
			op.bodyLimit = int(limit)
			list = append(list, op)
		}
	}
	return list
}

// call is a request in the making.
type call struct {
	op     *operation
	id     string
	path   map[string]string
	query  url.Values
	header http.Header
	cookie map[string]string
	body   []byte
	broken string // how it was made invalid; "": valid
	forged bool   // its cursor is none of ours
	odd    bool   // neither valid nor invalid: the spec leaves open whether it is accepted
}

// fittingCall makes a call that the spec allows, and returns its body as a value; nil: none is sent.
func (m *maker) fittingCall(op *operation, id string) (c *call, body any) {
	c = &call{op: op, id: id, path: map[string]string{}, query: url.Values{}, header: http.Header{}, cookie: map[string]string{}}
	for _, ref := range op.params {
		p := ref.Value
		if !p.Required && m.often(50) {
			continue
		}
		text := fmt.Sprint(m.value(p.Schema.Value, p.Name))
		switch p.In {
		case openapi3.ParameterInPath:
			c.path[p.Name] = text
		case openapi3.ParameterInQuery:
			c.query.Set(p.Name, text)
		case openapi3.ParameterInHeader:
			if isSendable(text) {
				c.header.Set(p.Name, text)
			}
		case openapi3.ParameterInCookie:
			if isSendable(text) && !strings.ContainsAny(text, ` ",;\`) {
				c.cookie[p.Name] = text
			}
		}
	}
	if m.often(10) {
		c.query.Set("utm_source", "x") // what the spec does not declare is ignored
		c.header.Set("X-Unknown", "x")
	}
	if op.body == nil || (!op.bodyRequired && m.often(30)) {
		return c, nil
	}
	body = m.value(op.body, "")
	c.setBody(body, m.often(30))
	return c, body
}

// isSendable tells whether a text arrives as it is in a header.
func isSendable(text string) bool {
	return !strings.ContainsFunc(text, unicode.IsControl) && strings.TrimSpace(text) == text
}

func (c *call) setBody(value any, escaped bool) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	c.body = bytes.TrimSpace(b.Bytes())
	if escaped {
		c.body = escape(c.body)
	}
	c.header.Set("Content-Type", "application/json")
}

// escape writes all but ASCII as other languages' encoders do.
func escape(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}

// breakage is one way to break a call.
type breakage struct {
	what  string
	apply func()
}

// damage makes a valid call invalid in one way, if there is any.
func (m *maker) damage(c *call, body any) {
	ways := slices.Concat(c.brokenParams(), c.brokenWholes(body))
	if body != nil && m.often(70) {
		ways = nil
		for _, d := range damages(c.op.body, body) {
			ways = append(ways, breakage{"body: " + d.what, func() { c.setBody(d.make(), m.often(30)) }})
		}
	}
	if len(ways) == 0 {
		return
	}
	slices.SortFunc(ways, func(a, b breakage) int { return strings.Compare(a.what, b.what) })
	way := ways[m.IntN(len(ways))]
	way.apply()
	c.broken = way.what
}

func (c *call) brokenParams() (list []breakage) {
	for _, ref := range c.op.params {
		p := ref.Value
		add := func(what string, apply func()) {
			list = append(list, breakage{p.In + " " + p.Name + ": " + what, apply})
		}
		for what, text := range brokenParam(p) {
			switch p.In {
			case openapi3.ParameterInPath:
				add(what, func() { c.path[p.Name] = text })
			case openapi3.ParameterInQuery:
				add(what, func() { c.query.Set(p.Name, text) })
			case openapi3.ParameterInHeader:
				if isSendable(text) {
					add(what, func() { c.header.Set(p.Name, text) })
				}
			}
		}
		switch p.In {
		case openapi3.ParameterInQuery:
			add("twice", func() { c.query[p.Name] = []string{"1", "1"} })
		case openapi3.ParameterInHeader:
			add("twice", func() { c.header[http.CanonicalHeaderKey(p.Name)] = []string{"x", "x"} })
		}
	}
	return list
}

// brokenParam returns invalid values of a parameter.
func brokenParam(p *openapi3.Parameter) map[string]string {
	s := p.Schema.Value
	if s.Type.Is("integer") {
		broken := map[string]string{"text": "x", "fraction": "1.5", "point": "1.0", "exponent": "1e1", "hex": "0x1", "huge": "9223372036854775808", "empty": ""}
		if s.Min != nil {
			broken["too small"] = fmt.Sprint(*s.Min - 1)
		}
		if s.Max != nil {
			broken["too large"] = fmt.Sprint(*s.Max + 1)
		}
		return broken
	}
	text := "x"
	if len(s.Enum) > 0 {
		text = fmt.Sprint(s.Enum[0])
	} else if s.Format == "uuid" {
		text = edges["uuid"][0]
	}
	broken := brokenTexts(s, text)
	broken["not UTF-8"] = text + "\xff\xfe"
	if s.MinLength == 0 && s.Format == "" && len(s.Enum) == 0 {
		return broken
	}
	if p.In != openapi3.ParameterInPath { // where it would be another path
		broken["empty"] = ""
	}
	return broken
}

// brokenWholes lists the ways to break a call around its values: query, body, media type.
func (c *call) brokenWholes(body any) (list []breakage) {
	add := func(what string, apply func()) { list = append(list, breakage{what, apply}) }
	if slices.ContainsFunc(c.op.params, func(p *openapi3.ParameterRef) bool { return p.Value.In == openapi3.ParameterInQuery }) {
		add("query: not percent-encoded", func() { c.query.Set("broken", "%") })
	}
	if c.op.body == nil {
		return list
	}
	if c.op.bodyRequired {
		add("body: none", func() { c.body = nil })
	}
	if body == nil {
		return list
	}
	for what, broken := range brokenBodies(c.body, c.op.bodyLimit) {
		if !bytes.Equal(broken, c.body) {
			add("body: "+what, func() { c.body = broken })
		}
	}
	for _, mediaType := range []string{
		"", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
		"application/json; charset=latin1", "application/json, application/json", "application/merge-patch+json",
	} {
		add("media type "+mediaType, func() { c.header.Set("Content-Type", mediaType) })
	}
	add("content coding", func() { c.header.Set("Content-Encoding", "gzip") })
	return list
}

// request makes an HTTP request of the call, to an API at base.
func (c *call) request(base string) (*http.Request, error) {
	path := c.op.path
	for name, value := range c.path {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	query := c.query.Encode()
	if strings.Contains(c.broken, "not percent-encoded") {
		query = strings.ReplaceAll(query, "broken=%25", "broken=%zz")
	}
	r, err := http.NewRequest(c.op.method, base+path+"?"+query, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	r.Header = c.header.Clone()
	r.Header.Set("X-Request-Id", c.id)
	for name, value := range c.cookie {
		r.Header.Add("Cookie", name+"="+value)
	}
	return r, nil
}

// String describes the call so that it can be repeated.
func (c *call) String() string {
	r, err := c.request("")
	if err != nil {
		return err.Error()
	}
	state := "fitting"
	if c.broken != "" {
		state = "broken: " + c.broken
	} else if c.odd {
		state = "odd"
	}
	headers := maps.Clone(r.Header)
	if len(headers.Get("Authorization")) > 100 {
		headers.Set("Authorization", "Bearer …")
	}
	return fmt.Sprintf("%s (%s) %s %s %v %.2000q", c.op.OperationID, state, r.Method, r.URL, headers, c.body)
}
