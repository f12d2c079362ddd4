package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// maxDepth of nesting is far over what any schema needs and far under what hurts.
const maxDepth = 32

var errMalformedJSON = apperr.New(apperr.Invalid, apperr.CodeMalformedJSON, "The body is not valid JSON.")

// document is a decoded body, and the places in it that checkBody has to look at because a schema can't see what is wrong
// there.
type document struct {
	value   any        // nil, bool, string, json.Number, []any, map[string]any
	nul     [][]string // where strings hold U+0000, which Postgres can't store
	nulls   [][]string // where null stands, which a default may replace before the schema is asked
	numbers [][]string // where numbers are not written as 64-bit integers, which binding to one would refuse
}

// decodeJSON reads one JSON text as strictly as I-JSON (RFC 7493) wants it: nothing behind it, UTF-8 throughout, no
// member twice. Two parsers that disagree about any of these are how one check is passed and another thing is done.
func decodeJSON(data []byte) (document, error) {
	if !utf8.Valid(data) {
		return document{}, errMalformedJSON.WithMessage("The body is not valid UTF-8.")
	}
	members, depth, numbers := outline(data)
	if depth > maxDepth {
		return document{}, errMalformedJSON.WithMessage("The body is nested too deeply.")
	}
	var d document
	if numbers || json.Unmarshal(data, &d.value) != nil {
		var err error
		if d.value, err = decodeValue(data); err != nil {
			return document{}, err
		}
	}
	if found := d.inspect(d.value, nil); found != members {
		return document{}, errMalformedJSON.WithMessage("The body has an object with the same member twice.")
	}
	return d, nil
}

// decodeValue keeps numbers as they are written, and says what is wrong with a text. It needs a buffer of its own for that, so
// a correct text without numbers is left to json.Unmarshal, which decodes it to the same value.
func decodeValue(data []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, syntaxError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errMalformedJSON.WithMessage("The body goes on after its JSON value.")
	}
	return value, nil
}

// outline counts the members of all objects of a JSON text (outside of strings each has one colon) and the deepest
// nesting, and reports whether there may be numbers, without allocating. encoding/json silently keeps the last of two equal
// members; a count that differs from the decoded value's shows it.
func outline(data []byte) (members, deepest int, numbers bool) {
	inString, depth := false, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == ':':
			members++
		case c == '{', c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}', c == ']':
			depth--
		case '0' <= c && c <= '9':
			numbers = true
		}
	}
	return members, deepest, numbers
}

// inspect walks a value, records what a schema can't see, and returns how many members its objects have.
func (d *document) inspect(value any, path []string) (members int) {
	switch v := value.(type) {
	case map[string]any:
		members = len(v)
		for name, member := range v {
			members += d.inspect(member, append(path, name))
		}
	case []any:
		for i, item := range v {
			members += d.inspect(item, append(path, strconv.Itoa(i)))
		}
	case nil:
		d.nulls = append(d.nulls, slices.Clone(path))
	case string:
		if strings.IndexByte(v, 0) >= 0 {
			d.nul = append(d.nul, slices.Clone(path))
		}
	case json.Number:
		if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
			d.numbers = append(d.numbers, slices.Clone(path))
		}
	}
	return members
}

func syntaxError(err error) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return errMalformedJSON.WithMessage(fmt.Sprintf("The body is not valid JSON, at byte %d.", s.Offset)).With(err)
	}
	return errMalformedJSON.With(err)
}
