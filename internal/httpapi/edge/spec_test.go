package edge

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// TestSpec_everyOperationDeclares pins what the edge reads from the spec, so that no operation goes without a limit
// because it was forgotten.
func TestSpec_everyOperationDeclares(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	operations, err := readOperations(doc)
	require.NoError(t, err)

	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			require.Contains(t, operations, op.OperationID, name)
			o := operations[op.OperationID]
			require.Regexp(t, `^[a-z][a-zA-Z]+$`, op.OperationID, name)
			require.Len(t, op.Tags, 1, name)
			require.NotEmpty(t, op.Summary, name)

			requireStatus(t, op, "500", true)
			requireStatus(t, op, "503", true)
			requireStatus(t, op, "401", o.secured || op.Responses.Value("401") != nil) // strangers may show bad credentials
			requireStatus(t, op, "400", len(o.params) > 0 || o.bodySchema != nil)
			requireStatus(t, op, "408", o.bodySchema != nil)
			requireStatus(t, op, "413", o.bodySchema != nil)
			requireStatus(t, op, "415", o.bodySchema != nil)
			requireStatus(t, op, "429", true)
			require.NotContains(t, []string{"", "none"}, o.rateClass, "%s: every operation has a limit", name)
		}
	}
}

func requireStatus(t *testing.T, op *openapi3.Operation, status string, want bool) {
	t.Helper()
	require.Equal(t, want, op.Responses.Value(status) != nil, "%s: answer %s", op.OperationID, status)
}

// TestSpec_isRefusedWithAnythingUndeclared shows that the edge does not start with what the test above would find.
func TestSpec_isRefusedWithAnythingUndeclared(t *testing.T) {
	t.Parallel()
	for fault, change := range map[string]func(*openapi3.Operation){
		"no operationId":      func(op *openapi3.Operation) { op.OperationID = "" },
		"no x-rate-limit":     func(op *openapi3.Operation) { delete(op.Extensions, extRateLimit) },
		"could ask as often":  func(op *openapi3.Operation) { op.Extensions[extRateLimit] = "none" },
		"no x-max-body-bytes": func(op *openapi3.Operation) { delete(op.Extensions, extMaxBodyBytes) },
		"more than 0 exactly": func(op *openapi3.Operation) { op.Extensions[extMaxBodyBytes] = 0.0 },
		"go together":         func(op *openapi3.Operation) { delete(op.Extensions, extIdempotent) },
		"no security but one": func(op *openapi3.Operation) {
			op.Security = &openapi3.SecurityRequirements{{"basicAuth": nil}}
		},
		"no bodies but": func(op *openapi3.Operation) {
			op.RequestBody = &openapi3.RequestBodyRef{Value: &openapi3.RequestBody{}}
		},
	} {
		doc, err := api.GetSpec()
		require.NoError(t, err)
		change(doc.Paths.Value("/project").Post)
		_, err = readOperations(doc)
		require.ErrorContains(t, err, fault)
		require.ErrorContains(t, err, "POST /project")
	}
}

// TestSpec_hasTheCodesOfApperr holds the enum of the spec and package apperr together, in both directions.
func TestSpec_hasTheCodesOfApperr(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	var codes []apperr.Code
	for _, v := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		codes = append(codes, apperr.Code(v.(string)))
	}
	require.ElementsMatch(t, apperr.Codes(), codes)
}

// TestStatuses_haveEveryKind walks the kinds until String would no longer know them.
func TestStatuses_haveEveryKind(t *testing.T) {
	t.Parallel()
	for kind := apperr.Internal; kind <= apperr.MethodNotAllowed; kind++ {
		require.Contains(t, statuses, kind)
	}
}

func TestSpecPages_areOfThisDeployment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw, err := api.GetSpecJSON()
	require.NoError(t, err)
	var want, got map[string]any
	require.NoError(t, json.Unmarshal(raw, &want))
	want["servers"] = []any{map[string]any{"url": base}}

	rec := b.do(http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got))
	require.Equal(t, want, got)

	rec = b.do(http.MethodGet, "/openapi.yaml", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "application/yaml", rec.Header().Get("Content-Type"))
	require.NotContains(t, rec.Body.String(), "e+", "no integer is written as a float")
	var fromYAML map[string]any
	require.NoError(t, yaml.Unmarshal(rec.Body.Bytes(), &fromYAML))
	again, err := json.Marshal(fromYAML)
	require.NoError(t, err)
	require.JSONEq(t, b.do(http.MethodGet, "/openapi.json", "").Body.String(), string(again))

	etag := rec.Header().Get("ETag")
	require.NotEmpty(t, etag)
	require.Equal(t, http.StatusNotModified, b.do(http.MethodGet, "/openapi.yaml", "", "If-None-Match", etag).Code)
	require.Equal(t, http.StatusOK, b.do(http.MethodHead, "/openapi.yaml", "").Code)
}
