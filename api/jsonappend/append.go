// Package jsonappend appends values of JSON, byte for byte as encoding/json writes them, which its tests and those of
// internal/httpapi/fastjson hold it to. The code that is generated for schemas marked with x-append-json calls it; it lies
// beside the template that makes that code, below gen.
package jsonappend

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// AppendTime appends the JSON of a time. It fails, as encoding/json does, for what RFC 3339 can't express.
func AppendTime(b []byte, t time.Time) ([]byte, error) {
	b, err := t.AppendText(append(b, '"'))
	if err != nil {
		return nil, fmt.Errorf("encode time: %w", err)
	}
	return append(b, '"'), nil
}

// AppendInt appends a JSON number.
func AppendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// AppendBool appends true or false.
func AppendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// AppendValue appends what encoding/json makes of *v, by reflection: for types that the generated code does not know.
func AppendValue[T any](b []byte, v *T) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return append(b, encoded...), nil
}
