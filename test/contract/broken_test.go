package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// damage is one way to break a value.
type damage struct {
	what string
	make func() any // the whole value, broken
}

// damages lists the ways to break a value that fits a schema, each in one place. They don't depend on chance, so that a number
// can choose one of them.
func damages(s *openapi3.Schema, value any) []damage {
	s = flat(s)
	list := wrongTypes(s)
	add := func(what string, broken any) { list = append(list, damage{what, func() any { return broken }}) }
	switch v := value.(type) {
	case string:
		for what, broken := range brokenTexts(s, v) {
			add(what, broken)
		}
	case int64:
		for _, raw := range []string{"0.5", "1.0", "1e1", "9223372036854775808", "-9223372036854775809", "1e400"} {
			add("not an integer: "+raw, json.RawMessage(raw))
		}
		if s.Min != nil {
			add("too small", int64(*s.Min)-1)
		}
		if s.Max != nil {
			add("too large", int64(*s.Max)+1)
		}
	case []any:
		list = append(list, brokenArrays(s, v)...)
	case map[string]any:
		list = append(list, brokenObjects(s, v)...)
	}
	slices.SortFunc(list, func(a, b damage) int { return strings.Compare(a.what, b.what) })
	return list
}

func wrongTypes(s *openapi3.Schema) (list []damage) {
	for kind, value := range map[string]any{
		"string": "x", "integer": int64(1), "boolean": true, "array": []any{}, "object": map[string]any{}, "null": nil,
	} {
		if s.Type.Is(kind) || (s.Type.Is("number") && kind == "integer") || (s.Nullable && kind == "null") {
			continue
		}
		list = append(list, damage{kind + " instead of " + s.Type.Slice()[0], func() any { return value }})
	}
	return list
}

func brokenTexts(s *openapi3.Schema, text string) map[string]string {
	broken := map[string]string{"NUL": text + "\x00"}
	if len(s.Enum) > 0 {
		broken["not in the enum"] = "no such value"
		if len(text) > 0 {
			broken["another case"] = strings.ToUpper(text[:1]) + text[1:] + " "
		}
		return broken
	}
	if _, checked := edges[s.Format]; checked {
		broken["no "+s.Format] = "x"
		broken["more than a "+s.Format] = text + " "
		switch s.Format {
		case "uuid":
			broken["uuid in braces"] = "{" + text + "}"
			broken["uuid as urn"] = "urn:uuid:" + text
		case "date":
			broken["no day of the calendar"] = "2026-02-30"
		case "date-time":
			broken["no hour of the day"] = "2026-11-21T25:00:00Z"
			broken["no time zone"] = "2026-11-21T18:04:30"
			for _, bad := range []string{
				"+24:00", "-24:00", "+23:60", "+99:99", "+1:00", "+0100", ",5Z", ".Z", "Z+01:00", " Z", "UTC", "ZZ",
			} {
				broken["offset "+bad] = "2026-11-21T18:04:30" + bad
			}
			broken["one digit for the hour"] = "2026-11-21T8:04:30Z"
			broken["a space between"] = "2026-11-21 18:04:30Z"
			broken["no seconds"] = "2026-11-21T18:04Z"
			broken["a leap second"] = "2026-12-31T23:59:60Z"
			broken["no day of the calendar"] = "2026-02-29T08:00:00Z"
		}
		return broken
	}
	runes := []rune(text)
	if s.MinLength > 0 {
		broken["too short"] = string(runes[:min(len(runes), int(s.MinLength)-1)])
	}
	if s.MaxLength != nil {
		broken["too long"] = text + strings.Repeat("x", int(*s.MaxLength)+1-len(runes))
	}
	for _, bad := range []string{"\x01", "\n", "é", " ", "\x7f"} {
		if !fits(s, text+bad) && s.Pattern != "" {
			broken[fmt.Sprintf("pattern: %q", bad)] = text + bad
		}
	}
	return broken
}

func brokenArrays(s *openapi3.Schema, list []any) (broken []damage) {
	item := func(v any) []any { return append(slices.Clone(list), v) }
	for _, d := range wrongTypes(flat(s.Items.Value)) {
		broken = append(broken, damage{"item: " + d.what, func() any { return item(d.make()) }})
	}
	if len(list) > 0 {
		if s.UniqueItems {
			broken = append(broken, damage{"item twice", func() any { return item(list[0]) }})
		}
		if s.MaxItems != nil {
			broken = append(broken, damage{"too many items", func() any {
				return slices.Repeat(list, int(*s.MaxItems)/len(list)+1)
			}})
		}
		for _, d := range damages(s.Items.Value, list[0]) {
			broken = append(broken, damage{"item 0: " + d.what, func() any { return append([]any{d.make()}, list[1:]...) }})
		}
	}
	return broken
}

func brokenObjects(s *openapi3.Schema, object map[string]any) (broken []damage) {
	with := func(name string, v any) map[string]any {
		c := maps.Clone(object)
		c[name] = v
		return c
	}
	for _, name := range s.Required {
		broken = append(broken, damage{"without " + name, func() any {
			c := maps.Clone(object)
			delete(c, name)
			return c
		}})
	}
	if has := s.AdditionalProperties.Has; has != nil && !*has {
		for _, name := range []string{"unknown", "id", "user_id", "", "__proto__", "Email"} {
			broken = append(broken, damage{"extra " + name, func() any { return with(name, "x") }})
		}
	}
	if s.MinProps > 0 {
		broken = append(broken, damage{"empty", func() any { return map[string]any{} }})
	}
	for name, value := range object {
		for _, d := range damages(s.Properties[name].Value, value) {
			broken = append(broken, damage{name + ": " + d.what, func() any { return with(name, d.make()) }})
		}
	}
	return broken
}

// brokenBodies are the ways to break a body as a whole.
func brokenBodies(body []byte, limit int) map[string][]byte {
	broken := map[string][]byte{
		"cut short":         body[:len(body)-1],
		"goes on":           append(slices.Clone(body), '}'),
		"two values":        slices.Concat(body, body),
		"not UTF-8":         []byte(`{"` + "\xff\xfe" + `":1}`),
		"not JSON":          []byte("a=b"),
		"single quotes":     []byte(strings.ReplaceAll(string(body), `"`, "'")),
		"nested too deeply": []byte(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
		"too large":         append(slices.Clone(body), strings.Repeat(" ", limit)...),
		"byte order mark":   append([]byte("\ufeff"), body...),
	}
	if len(body) > 2 {
		name := body[1:bytes.IndexByte(body, ':')]
		broken["a member twice"] = slices.Concat([]byte("{"), name, []byte(":1,"), body[1:])
	}
	return broken
}
