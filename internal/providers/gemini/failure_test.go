package gemini

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genai"

	"github.com/mugshot-studio/backend/internal/providers"
)

// A creator is told to change the words or pictures only where that may help. A wrong key has the status of a bad request.
func TestFailure_whoseItIs(t *testing.T) {
	t.Parallel()
	wrongKey := []map[string]any{{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}}
	for name, c := range map[string]struct {
		answer genai.APIError
		ours   bool
	}{
		"wrong key":    {genai.APIError{Code: 400, Status: "INVALID_ARGUMENT", Details: wrongKey}, true},
		"bill":         {genai.APIError{Code: 400, Status: "FAILED_PRECONDITION"}, true},
		"not allowed":  {genai.APIError{Code: 403, Status: "PERMISSION_DENIED"}, true},
		"no such":      {genai.APIError{Code: 404, Status: "NOT_FOUND"}, true},
		"bad request":  {genai.APIError{Code: 400, Status: "INVALID_ARGUMENT"}, false},
		"other detail": {genai.APIError{Code: 400, Status: "INVALID_ARGUMENT", Details: []map[string]any{{"reason": 7}}}, false},
	} {
		told, ok := errors.AsType[*providers.Error](failure(t.Context(), c.answer))
		require.True(t, ok, name)
		require.Equal(t, providers.Permanent, told.Class, name)
		require.Equal(t, c.ours, told.Ours, name)
	}
}
