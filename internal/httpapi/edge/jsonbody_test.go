package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestReadBody_400_malformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	deep := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	for body, message := range map[string]string{
		`{`:                      "not valid JSON",
		`{"email":}`:             "at byte 10",
		`{"email":"a@b.example"`: "not valid JSON",
		`{'email':'a'}`:          "not valid JSON",
		`{"email":"a",}`:         "not valid JSON",
		`{"email":"a"} x`:        "goes on",
		`{"email":"a"}{}`:        "goes on",
		`{} // comment`:          "goes on",
		`NaN`:                    "not valid JSON",
		`[1`:                     "not valid JSON",
		" ":                      "not valid JSON",
		"\ufeff{}":               "not valid JSON",
		"{\"email\":\"\xff\"}":   "not valid UTF-8",
		"{\"email\":\"a\nb\"}":   "not valid JSON",
		`{"email":"ada@example.com","email":"eve@example.com"}`:      "twice",
		`{"email":"ada@example.com","\u0065mail":"eve@example.com"}`: "twice",
		`{"prompt":{"headline":"{\"a\":1,:","headline":"y"}}`:        "twice",
		deep:                      "nested too deeply",
		strings.Repeat("[", 4096): "nested too deeply",
		`{"a":"` + "\\" + `u00"}`: "not valid JSON",
	} {
		rec := b.do(http.MethodPost, base+"/auth/start", body)
		p := requireProblem(t, rec, http.StatusBadRequest, apperr.CodeMalformedJSON)
		require.Contains(t, p.Error.Message, message, body)
	}
	rec := b.do(http.MethodPost, base+"/auth/start", `{"email":"a:b{[\"\\"}`)
	requireProblem(t, rec, http.StatusBadRequest, apperr.CodeValidationFailed) // colons and braces in strings don't count
}

func TestReadBody_400_cutOff(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, base+"/auth/start", io.MultiReader(strings.NewReader(`{"email"`), brokenReader{}))
	r.Header.Set("Content-Type", "application/json")
	p := requireProblem(t, setup(t).send(r), http.StatusBadRequest, apperr.CodeMalformedJSON)
	require.Contains(t, p.Error.Message, "did not arrive whole")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadBody_413(t *testing.T) {
	t.Parallel()
	b := setup(t)
	big := `{"email":"` + strings.Repeat("a", 4096) + `"}`
	requireProblem(t, b.do(http.MethodPost, base+"/auth/start", big), http.StatusRequestEntityTooLarge, apperr.CodePayloadTooLarge)

	chunked := httptest.NewRequest(http.MethodPost, base+"/auth/start", io.MultiReader(strings.NewReader(big)))
	chunked.Header.Set("Content-Type", "application/json")
	requireProblem(t, b.send(chunked), http.StatusRequestEntityTooLarge, apperr.CodePayloadTooLarge)

	said := httptest.NewRequest(http.MethodPost, base+"/auth/start", brokenReader{}) // must not be read
	said.ContentLength = 1 << 40
	requireProblem(t, b.send(said), http.StatusRequestEntityTooLarge, apperr.CodePayloadTooLarge)

	fits := `{"email":"` + strings.Repeat("a", 4096-12) + `"}`
	require.Len(t, fits, 4096)
	requireProblem(t, b.do(http.MethodPost, base+"/auth/start", fits), http.StatusBadRequest, apperr.CodeValidationFailed)
}

func TestReadBody_415(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, header := range [][]string{
		{"Content-Type", ""},
		{"Content-Type", "text/plain"},
		{"Content-Type", "text/json"},
		{"Content-Type", "application/x-www-form-urlencoded"},
		{"Content-Type", "multipart/form-data; boundary=x"},
		{"Content-Type", "application/json; charset=utf-16"},
		{"Content-Type", "application/json;;"},
		{"Content-Type", "application/jsonp"},
		{"Content-Type", "application/problem+json"},
		{"Content-Encoding", "gzip"},
	} {
		rec := b.do(http.MethodPost, base+"/auth/start", `{"email":"ada@example.com"}`, header...)
		requireProblem(t, rec, http.StatusUnsupportedMediaType, apperr.CodeUnsupportedMediaType)
	}
}

// However a text is read, the same is made of it, and the same is wrong with it.
func FuzzDecodeJSON_agreesWithTheDecoder(f *testing.F) {
	for _, seed := range []string{
		`{"content":"bolder","reply":false}`, `{"a":[null,true,"\u0000",{}]} `, `"1"`, `[1]`, `{"a":-0.5e3}`, `{"a":1`, `{} x`, `{}{}`, `nul`, ` `,
		`{"a":"b","a":"c"}`, `{"1":"\\"}`, "{\"a\":\"\t\"}", `["\ud800"]`, `-`, `[-]`, strings.Repeat("[", 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decodeJSON(data)
		want, wantErr := decodeValue(data)
		if err == nil {
			require.NoError(t, wantErr)
			require.Equal(t, want, got.value)
			return
		}
		if _, depth, _ := outline(data); wantErr != nil && utf8.Valid(data) && depth <= maxDepth {
			require.Equal(t, wantErr.Error(), err.Error())
		}
	})
}
