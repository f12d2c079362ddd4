package contract_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// maker makes values that a schema allows.
type maker struct {
	*rand.Rand

	// known holds values that exist in the application, by the name of the member or parameter.
	known map[string][]string
}

// often returns true in the given percentage of cases.
func (m *maker) often(percent int) bool { return m.IntN(100) < percent }

// value makes a value for a schema; name is the name of the member or parameter.
func (m *maker) value(s *openapi3.Schema, name string) any {
	s = flat(s)
	switch {
	case s.Nullable && m.often(20):
		return nil
	case len(s.Enum) > 0:
		return s.Enum[m.IntN(len(s.Enum))]
	case s.Type.Is("object"):
		return m.object(s)
	case s.Type.Is("array"):
		return m.array(s, name)
	case s.Type.Is("boolean"):
		return m.often(50)
	case s.Type.Is("integer"), s.Type.Is("number"):
		return m.integer(s)
	case s.Type.Is("string"):
		return m.text(s, name)
	}
	panic(fmt.Sprintf("%s: no values of type %v", name, s.Type))
}

func (m *maker) object(s *openapi3.Schema) map[string]any {
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) || m.often(50) {
			object[name] = m.value(s.Properties[name].Value, name)
		}
	}
	for uint64(len(object)) < s.MinProps {
		name := slices.Sorted(maps.Keys(s.Properties))[m.IntN(len(s.Properties))]
		object[name] = m.value(s.Properties[name].Value, name)
	}
	for _, name := range []string{"password", "new_password"} {
		if _, twice := object["confirm_password"]; twice && object[name] != nil && m.often(90) {
			object["confirm_password"] = object[name] // or hardly any would satisfy the domain's rule
		}
	}
	return object
}

func (m *maker) array(s *openapi3.Schema, name string) []any {
	most := int(s.MinItems) + 3
	if s.MaxItems != nil {
		most = int(*s.MaxItems)
	}
	list := []any{}
	for want := int(s.MinItems) + m.IntN(most-int(s.MinItems)+1); len(list) < want; {
		if item := m.value(s.Items.Value, name); !s.UniqueItems || !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	return list
}

func (m *maker) integer(s *openapi3.Schema) int64 {
	least, most := int64(-1<<53), int64(1<<53)
	if s.Min != nil {
		least = int64(*s.Min)
	}
	if s.Max != nil {
		most = int64(*s.Max)
	}
	return []int64{least, most, least + m.Int64N(most-least+1), min(least+1, most)}[m.IntN(4)]
}

// edges holds values at the edge of what a format allows.
var edges = map[string][]string{
	"date": {"0000-01-01", "0001-01-01", "1900-02-28", "1995-12-10", "2000-02-29", "2024-02-29", "2026-11-21", "9999-12-31"},
	"date-time": {
		"2026-11-21T18:04:30Z", "2026-11-21T18:04:30.123456789Z", "2026-11-21T18:04:30+23:59", "2024-02-29T23:59:59-12:00",
		"0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59",
		"0000-01-01T00:00:00+23:59", "2026-11-21t18:04:30z", "2026-11-21T18:04:30.000000000000000001Z", "2026-11-21T00:00:00-00:00",
	},
	"uuid": {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "0199F3A7-0A1B-7C2D-9E3F-4A5B6C7D8E9F"},
	"uri":  {"https://example.com/a?b=c#d"},
	"idn-email": {
		"a@b.cd", "A.B+c@EXAMPLE.com", "o'neill@mail.example.co.uk", "ada@bücher.example", "ada@xn--bcher-kva.example",
		"{|}~@1.example", strings.Repeat("a", 64) + "@example.com", "a@" + strings.Repeat(strings.Repeat("b", 61)+".", 4) + "cd",
	},
}

// moment is a time of the last hours or the next, in any of the spellings that RFC 3339 has.
func (m *maker) moment() string {
	at := time.Now().Add(time.Duration(m.IntN(30)-28) * time.Hour)
	zone := time.FixedZone("", 60*(m.IntN(2*24*60-1)-24*60+1))
	text := at.In(zone).Format([]string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.0Z07:00"}[m.IntN(3)])
	if m.often(20) {
		text = strings.ToLower(text)
	}
	return text
}

func (m *maker) text(s *openapi3.Schema, name string) string {
	if known := m.known[name]; len(known) > 0 && m.often(80) {
		if text := known[m.IntN(len(known))]; fits(s, text) {
			return text
		}
	}
	if list := edges[s.Format]; list != nil {
		switch {
		case s.Format == "uuid" && m.often(70):
			return uuid.Must(uuid.NewRandomFromReader(m)).String()
		case s.Format == "date-time" && m.often(60):
			return m.moment()
		case s.Format == "idn-email" && m.often(50):
			return fmt.Sprintf("creator-%d@example.com", m.IntN(1_000_000))
		case s.Format == "date" && m.often(50):
			return time.Date(1920+m.IntN(100), time.Month(1+m.IntN(12)), 1+m.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		}
		return list[m.IntN(len(list))]
	}
	longest := 100
	if s.MaxLength != nil {
		longest = int(*s.MaxLength)
	}
	for {
		text := ""
		if s.Pattern != "" {
			text = sample(m.Rand, s.Pattern, longest)
		} else {
			length := []int{int(s.MinLength), longest, int(s.MinLength) + m.IntN(longest-int(s.MinLength)+1)}[m.IntN(3)]
			for range length {
				text += string(letter(m.Rand))
			}
		}
		if fits(s, text) {
			return text
		}
	}
}

// Read makes a maker a source of ids.
func (m *maker) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(m.Uint32())
	}
	return len(p), nil
}

// fits tells whether a text without a format satisfies a schema. NUL never does: no database column accepts it.
func fits(s *openapi3.Schema, text string) bool {
	length := uint64(utf8.RuneCountInString(text))
	return length >= s.MinLength && (s.MaxLength == nil || length <= *s.MaxLength) && !strings.Contains(text, "\x00") &&
		(s.Pattern == "" || regexp.MustCompile(s.Pattern).MatchString(text))
}

// flat merges the schemas of an allOf.
func flat(s *openapi3.Schema) *openapi3.Schema {
	if len(s.AllOf) == 0 {
		return s
	}
	joined := *flat(s.AllOf[0].Value)
	joined.Nullable = s.Nullable
	for _, part := range s.AllOf[1:] {
		joined.Required = append(slices.Clone(joined.Required), part.Value.Required...)
	}
	return &joined
}
