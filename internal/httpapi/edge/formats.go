package edge

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
)

const formatDateTime = "date-time"

var errFormat = errors.New("does not have the declared format")

// formats are the checks behind the spec's `format`. Each accepts exactly what the handler's Go type can hold, so that
// nothing valid fails to bind; of an e-mail address, what mail servers take.
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
		"uuid":         check(isUUID),
		"date":         check(isDate),
		formatDateTime: check(isDateTime),
		"idn-email":    check(isEmail),
	}
}

// isUUID accepts the hyphenated form alone, of any version; package uuid would also take braces and urn:uuid:.
func isUUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// isDate accepts days that were or will be: the library's own pattern lets 2026-02-30 through.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// rfc3339 is the grammar of RFC 3339, 5.6, without leap seconds, which Go can't hold. time.Parse takes more: offsets of
// 24 hours, commas, hours of one digit.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// isDateTime accepts the times of RFC 3339, and days that were or will be.
func isDateTime(s string) bool {
	if !rfc3339.MatchString(s) {
		return false
	}
	_, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	return err == nil
}

// spellTimes makes capitals of the t and z in the times of a value that fits its schema: RFC 3339 allows small ones, package
// time does not. It returns the value, which it changes.
func spellTimes(s *openapi3.Schema, value any) any {
	for _, part := range s.AllOf {
		value = spellTimes(part.Value, value)
	}
	switch v := value.(type) {
	case string:
		if s.Format == formatDateTime {
			return strings.ToUpper(v)
		}
	case []any:
		if s.Items != nil {
			for i, item := range v {
				v[i] = spellTimes(s.Items.Value, item)
			}
		}
	case map[string]any:
		for name, member := range s.Properties {
			if old, there := v[name]; there {
				v[name] = spellTimes(member.Value, old)
			}
		}
	}
	return value
}

// hasTimes reports whether spellTimes may have something to do for a schema.
func hasTimes(s *openapi3.Schema) bool {
	found := s.Format == formatDateTime || s.Items != nil && hasTimes(s.Items.Value)
	for _, part := range s.AllOf {
		found = found || hasTimes(part.Value)
	}
	for _, member := range s.Properties {
		found = found || hasTimes(member.Value)
	}
	return found
}

// isEmail accepts addresses that can be mailed, with an internationalised domain in either spelling.
func isEmail(s string) bool {
	_, err := mailaddress.Normalize(s)
	return err == nil
}
