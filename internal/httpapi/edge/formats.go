package edge

import (
	"errors"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

var errFormat = errors.New("does not have the declared format")

// formats are the checks behind the spec's `format`. Each accepts exactly what the handler's Go type can hold, so that
// nothing valid fails to bind. There is none for email: the spec's pattern is the law.
func formats() map[string]openapi3.StringFormatValidator {
	check := func(ok func(string) bool) openapi3.StringFormatValidator {
		return openapi3.NewCallbackValidator(func(s string) error {
			if ok(s) {
				return nil
			}
			return errFormat
		})
	}
	return map[string]openapi3.StringFormatValidator{
		"uuid":      check(isUUID),
		"date":      check(isDate),
		"date-time": check(isDateTime),
	}
}

// isUUID accepts the hyphenated form alone, of any version; package uuid would also take braces and urn:uuid:.
func isUUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// isDate accepts days that were or will be: the library's own pattern lets 2026-02-30 through.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// isDateTime is as strict about RFC 3339 as encoding/json, which time.Parse is not.
func isDateTime(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil
}
