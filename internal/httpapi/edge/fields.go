package edge

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// maxFields bounds the answer to a body made of nothing but mistakes.
const maxFields = 100

// extMessage of a schema says what its strings have to look like, where the pattern alone says little to a person.
const extMessage = "x-message"

const (
	inBody = "body"

	codeRequired = "required"
	codeType     = "type"
	codeRepeated = "repeated"
	codeNUL      = "nul_character"
	codeNull     = "null"
	codeEncoding = "encoding"
	codeEmpty    = "empty"

	mustBeInteger = "must be a whole number"
	mustNotBeNull = "must not be null"
	mustNotBeNUL  = "must not contain the character U+0000"
)

// violations collects the failing fields of one request, one entry each: the first rule that failed.
type violations []apperr.Field

func (v *violations) add(in, field, code, message string) {
	if len(*v) < maxFields && !slices.ContainsFunc(*v, func(f apperr.Field) bool { return f.In == in && f.Field == field }) {
		*v = append(*v, apperr.Field{Field: field, In: in, Code: code, Message: message})
	}
}

// err returns nil where nothing failed. The body's fields come last, by name.
func (v *violations) err() error {
	if len(*v) == 0 {
		return nil
	}
	slices.SortStableFunc(*v, func(a, b apperr.Field) int {
		if a.In != inBody || b.In != inBody {
			return 0
		}
		return cmp.Compare(a.Field, b.Field)
	})
	return apperr.Validation(*v...)
}

// addParam adds what openapi3filter found wrong with a parameter.
func (v *violations) addParam(p *openapi3.Parameter, err error) {
	switch _, malformed := errors.AsType[*openapi3filter.ParseError](err); {
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		v.add(p.In, p.Name, codeRequired, "is required")
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		v.add(p.In, p.Name, codeEmpty, "must not be empty")
	case malformed:
		v.add(p.In, p.Name, codeType, typeMessage(p.Schema.Value))
	default:
		if re, ok := errors.AsType[*openapi3filter.RequestError](err); ok {
			err = re.Err
		}
		v.addSchema(err, func(e *openapi3.SchemaError) {
			code, message := rule(e)
			v.add(p.In, p.Name, code, message)
		})
	}
}

// addBody adds what the body's schema found wrong with it.
func (v *violations) addBody(err error) {
	v.addSchema(err, func(e *openapi3.SchemaError) {
		path := e.JSONPointer()
		if e.SchemaField == "properties" { // an unknown member, whose name is only in the sentence
			if _, quoted, ok := strings.Cut(e.Reason, " "); ok {
				if name, err := strconv.QuotedPrefix(quoted); err == nil {
					name, _ = strconv.Unquote(name)
					path = append(path, name)
				}
			}
		}
		code, message := rule(e)
		v.add(inBody, pointer(path), code, message)
	})
}

// addSchema finds the single failures in the tree that openapi3 answers. It never reads the text of one, which
// quotes the value, and the value may be a password.
func (v *violations) addSchema(err error, add func(*openapi3.SchemaError)) {
	switch e := err.(type) { //nolint:errorlint // the tree is walked node by node
	case nil:
	case openapi3.MultiError:
		for _, sub := range e {
			v.addSchema(sub, add)
		}
	case *openapi3.SchemaError:
		if all, ok := errors.AsType[openapi3.MultiError](e.Origin); ok { // allOf
			v.addSchema(all, add)
			return
		}
		add(e)
	default:
		add(&openapi3.SchemaError{Schema: &openapi3.Schema{}})
	}
}

// rule names the rule that failed and says in a human sentence what to do about it.
func rule(e *openapi3.SchemaError) (code, message string) {
	s := e.Schema
	switch e.SchemaField {
	case "required":
		return codeRequired, "is required"
	case "properties":
		return "unknown_field", "is not a field of this request"
	case "type":
		return codeType, typeMessage(s)
	case "nullable":
		return codeNull, mustNotBeNull
	case "enum":
		return "enum", "must be one of: " + listed(s.Enum)
	case "minLength":
		return "min_length", expected(s, atLeast("be", s.MinLength, "character"))
	case "maxLength":
		return "max_length", fmt.Sprintf("must be at most %d characters", *s.MaxLength)
	case "pattern":
		return "pattern", expected(s, "has a form or characters that are not allowed")
	case "format":
		return "format", expected(s, "does not have the right form")
	case "minimum":
		return "minimum", "must be at least " + number(*s.Min)
	case "maximum":
		return "maximum", "must be at most " + number(*s.Max)
	case "minItems":
		return "min_items", atLeast("have", s.MinItems, "item")
	case "maxItems":
		return "max_items", fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case "uniqueItems":
		return "unique_items", "must not have the same item twice"
	case "minProperties":
		return "min_properties", "must have at least one field"
	default:
		return "invalid", "is not valid"
	}
}

// expected prefers a sentence about the whole form of a string to one about the rule that happened to fail.
func expected(s *openapi3.Schema, otherwise string) string {
	if message, ok := s.Extensions[extMessage].(string); ok {
		return message
	}
	switch s.Format {
	case "idn-email":
		return "must be an e-mail address"
	case "uuid":
		return "must be a UUID such as 0199f3a2-7c1e-7b60-9d55-3f8a1c2b4d5e"
	case "date":
		return "must be a date such as 1995-12-10"
	case "date-time":
		return "must be a time such as 2026-11-21T18:04:30Z"
	}
	return otherwise
}

func typeMessage(s *openapi3.Schema) string {
	switch {
	case s.Type.Is(openapi3.TypeString):
		return "must be text"
	case s.Type.Is(openapi3.TypeInteger):
		return mustBeInteger
	case s.Type.Is(openapi3.TypeNumber):
		return "must be a number"
	case s.Type.Is(openapi3.TypeBoolean):
		return "must be true or false"
	case s.Type.Is(openapi3.TypeArray):
		return "must be a list"
	default:
		return "must be an object"
	}
}

func atLeast(verb string, n uint64, unit string) string {
	if n == 1 {
		return "must not be empty"
	}
	return fmt.Sprintf("must %s at least %d %ss", verb, n, unit)
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func listed(values []any) string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		if s, ok := v.(string); ok {
			words = append(words, s)
		} else if b, err := json.Marshal(v); err == nil {
			words = append(words, string(b))
		}
	}
	return strings.Join(words, ", ")
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// pointer writes a JSON pointer (RFC 6901); the whole body is "".
func pointer(path []string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteByte('/')
		b.WriteString(escapePointer.Replace(token))
	}
	return b.String()
}
