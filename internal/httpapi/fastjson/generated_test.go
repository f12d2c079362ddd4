package fastjson_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/fastjson"
)

// marked are the schemas with x-append-json.
func marked() map[string]fastjson.Appender {
	return map[string]fastjson.Appender{
		"Chat": new(api.Chat), "Message": new(api.Message), "MessageError": new(api.MessageError), "MessageList": new(api.MessageList),
		"MessageSent": new(api.MessageSent), "ProjectCreate": new(api.ProjectCreate), "Prompt": new(api.Prompt),
	}
}

// TestAppendJSON_isGeneratedForMarkedSchemas shows that the tests below know all of them.
func TestAppendJSON_isGeneratedForMarkedSchemas(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	for name, schema := range doc.Components.Schemas {
		_, known := marked()[name]
		require.Equal(t, schema.Value.Extensions["x-append-json"] == true, known, name)
	}
}

// TestAppendJSON_equalsEncodingJSON holds the generated code to encoding/json, byte for byte, over random values: members
// absent, null and set, lists nil, empty and full, and texts with everything that has to be escaped.
func TestAppendJSON_equalsEncodingJSON(t *testing.T) {
	t.Parallel()
	for name, value := range marked() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2000) {
				fill(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(value).Elem())
				want, err := json.Marshal(value)
				require.NoError(t, err)
				got, err := value.AppendJSON([]byte("before "))
				require.NoError(t, err)
				require.Equal(t, "before "+string(want), string(got), "seed %d", seed)
			}
		})
	}
}

// TestAppendJSON_failsWhereEncodingJSONDoes shows it for times that RFC 3339 can't express, however deep they are.
func TestAppendJSON_failsWhereEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	far := api.Message{CreatedAt: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, value := range []fastjson.Appender{
		&far, &api.MessageList{Items: []api.Message{far}}, &api.MessageSent{Message: far},
		&api.MessageSent{Reply: nullable.NewNullableWithValue(far)}, &api.Chat{UpdatedAt: far.CreatedAt},
	} {
		_, err := json.Marshal(value)
		require.Error(t, err)
		_, err = value.AppendJSON(nil)
		require.Error(t, err)
	}
}

// fill sets a value at random.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		zone := time.FixedZone("", (r.IntN(47)-23)*3600+r.IntN(2)*1800)
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), r.Int64N(2)*r.Int64N(1e9)).In(zone)))
		return
	case uuid.UUID:
		var id uuid.UUID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		v.Set(reflect.ValueOf(id))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, member := range v.Fields() {
			fill(r, member)
		}
	case reflect.Pointer:
		v.SetZero()
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Map: // a nullable: absent, null or set
		v.SetZero()
		if n := r.IntN(3); n > 0 {
			member := reflect.New(v.Type().Elem()).Elem()
			if n == 2 {
				fill(r, member)
			}
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf(n == 2), member)
		}
	case reflect.Slice:
		v.SetZero()
		if n := r.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range v.Len() {
				fill(r, v.Index(i))
			}
		}
	case reflect.String:
		v.SetString(text(r))
	case reflect.Int64:
		v.SetInt(r.Int64() >> r.IntN(64) * int64(1-2*r.IntN(2)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	default:
		panic("a kind that no schema had: " + v.Type().String())
	}
}

// text is mostly plain, and sometimes made of what encoding/json escapes.
func text(r *rand.Rand) string {
	pieces := []string{"", "\"", "\\", "<", ">", "&", "\u2028", "\u2029", "\x00", "\x1f", "\n", "\t", "\x7f", "\xff", "\xc3", "\ufffd", "größer", "🤖", "/"}
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString("make the title bolder")
		if r.IntN(3) == 0 {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
	}
	return b.String()
}
