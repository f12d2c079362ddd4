package edge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
)

// TestSpec_everyBodyHasAnExample puts together the example that documentation and mock servers show of each body, of a
// schema's own example or else of its members', and holds it to the schema.
func TestSpec_everyBodyHasAnExample(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		for _, op := range doc.Paths.Value(path).Operations() {
			if op.RequestBody != nil {
				requireExample(t, op.OperationID+" request", op.RequestBody.Value.Content)
			}
			for status, answer := range op.Responses.Map() {
				requireExample(t, op.OperationID+" "+status, answer.Value.Content)
			}
		}
	}
}

func requireExample(t *testing.T, name string, content openapi3.Content) {
	t.Helper()
	for kind, media := range content {
		value, err := example(media.Schema)
		require.NoError(t, err, "%s %s", name, kind)
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		var plain any
		require.NoError(t, json.Unmarshal(encoded, &plain))
		require.NoError(t, media.Schema.Value.VisitJSON(plain, openapi3.EnableFormatValidation()), "%s %s: %s", name, kind, encoded)
	}
}

// example of a schema: its own, or one that is put together of its parts. It fails for a part that has none.
func example(ref *openapi3.SchemaRef) (any, error) {
	schema := ref.Value
	switch {
	case schema.Example != nil:
		return schema.Example, nil
	case len(schema.AllOf) == 1 && len(schema.Properties) == 0:
		return example(schema.AllOf[0])
	case len(schema.AllOf) > 0:
		return together(schema)
	case schema.Type.Is("array"):
		item, err := example(schema.Items)
		return slices.Repeat([]any{item}, int(max(1, schema.MinItems))), err
	case schema.Type.Is("object"):
		members := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			value, err := example(schema.Properties[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			members[name] = value
		}
		return members, nil
	case schema.Default != nil:
		return schema.Default, nil
	case len(schema.Enum) > 0:
		return schema.Enum[0], nil
	case schema.Type.Is("boolean"):
		return true, nil
	default:
		return nil, fmt.Errorf("a %s without an example", strings.Join(schema.Type.Slice(), "/"))
	}
}

// together puts the members of an allOf into one object.
func together(schema *openapi3.Schema) (any, error) {
	own := *schema
	own.AllOf, own.Type = nil, &openapi3.Types{"object"}
	members := map[string]any{}
	for _, part := range append(slices.Clone(schema.AllOf), &openapi3.SchemaRef{Value: &own}) {
		value, err := example(part)
		if err != nil {
			return nil, err
		}
		maps.Copy(members, value.(map[string]any))
	}
	return members, nil
}
