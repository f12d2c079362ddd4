package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// Whatever is wrong with a request, the answer has the same envelope, with a code that says what is wrong.
func TestErrors_haveOneEnvelope(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	project := apptest.BasePath + "/project"
	const good = `{"mode":"design","platform":"youtube","prompt":{"headline":"x"}}`
	tooLarge := `{"mode":"design","platform":"youtube","prompt":{"headline":"x","details":"` + strings.Repeat("x", 70_000) + `"}}`
	type wrong struct {
		method, path, body string
		contentType        string // "": application/json
		status             int
		code               client.ErrorCode
		field              string // which fails, and how
	}
	missing := func(method, path string) wrong { return wrong{method, path, "", "", 404, client.ErrorCodeNotFound, ""} }
	malformed := func(body string) wrong {
		return wrong{"POST", project, body, "", 400, client.ErrorCodeMalformedJSON, ""}
	}
	invalid := func(method, path, body, field string) wrong {
		return wrong{method, path, body, "", 400, client.ErrorCodeValidationFailed, field}
	}
	unsupported := func(contentType string) wrong {
		return wrong{"POST", project, good, contentType, 415, client.ErrorCodeUnsupportedMediaType, ""}
	}
	for name, c := range map[string]wrong{
		"unknown route":           missing("GET", "/nowhere"),
		"unknown operation":       missing("GET", apptest.BasePath+"/nowhere"),
		"slash at the end":        missing("GET", project+"/"),
		"empty segment":           missing("GET", apptest.BasePath+"//project"),
		"another base path":       missing("GET", "/api/v2/project"),
		"wrong method":            {"PUT", project, good, "", 405, client.ErrorCodeMethodNotAllowed, ""},
		"invented method":         {"BREW", project, "", "", 405, client.ErrorCodeMethodNotAllowed, ""},
		"no body":                 invalid("POST", project, "", "body : required"),
		"not JSON":                malformed(`{"mode":`),
		"more than JSON":          malformed(good + "}"),
		"a member twice":          malformed(`{"mode":"copy",` + good[1:]),
		"not UTF-8":               malformed(strings.Replace(good, "x", "\xff", 1)),
		"wrong type":              invalid("POST", project, `[]`, "body : type"),
		"member of a wrong type":  invalid("POST", project, strings.Replace(good, `"x"`, "1", 1), "body /prompt/headline: type"),
		"unknown field":           invalid("POST", project, `{"user_id":"x",`+good[1:], "body /user_id: unknown_field"),
		"NUL":                     invalid("POST", project, strings.Replace(good, "x", `a\u0000`, 1), "body /prompt/headline: pattern"),
		"a fraction of a pixel":   invalid("POST", project, `{"width":1000.0,`+good[1:], "body /width: type"),
		"bad UUID":                invalid("GET", project+"/7", "", "path project_id: format"),
		"UUID in braces":          invalid("GET", project+"/%7B"+uuid.NewString()+"%7D", "", "path project_id: format"),
		"bad status":              invalid("GET", project+"?status=lost", "", "query status: enum"),
		"a parameter twice":       invalid("GET", project+"?limit=1&limit=2", "", "query limit: repeated"),
		"not a number":            invalid("GET", project+"?limit=x", "", "query limit: type"),
		"an empty parameter":      invalid("GET", project+"?cursor=", "", "query cursor: min_length"),
		"wrong content type":      unsupported("application/x-www-form-urlencoded"),
		"JSON of another charset": unsupported("application/json; charset=latin1"),
		"body too large":          {"POST", project, tooLarge, "", 413, client.ErrorCodePayloadTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.contentType == "" {
				c.contentType = "application/json"
			}
			res := app.Do(t, c.method, c.path, c.body,
				"Authorization", "Bearer "+who.Session.SessionToken, "Content-Type", c.contentType)
			problem := res.Problem(t, c.status, c.code)
			if c.field != "" {
				require.Equal(t, []string{c.field}, fields(t, problem))
			}
			require.NotEmpty(t, res.Header.Get("X-Request-Id"))
			require.Equal(t, c.status == 405, res.Header.Get("Allow") != "")
			require.NotContains(t, string(res.Body), "openapi", "no internal name")
		})
	}
	require.Empty(t, listProjects(t, who, nil), "none of it was taken")
}

func TestStartAuth_413_unknownLength(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	body := struct{ *strings.Reader }{strings.NewReader(strings.Repeat(" ", 5000))} // hides its length: sent in chunks
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+apptest.BasePath+"/auth/start", body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	res, err := app.HTTP.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	var envelope client.ErrorEnvelope
	require.NoError(t, json.NewDecoder(res.Body).Decode(&envelope))
	require.Equal(t, 413, res.StatusCode)
	require.Equal(t, client.ErrorCodePayloadTooLarge, envelope.Error.Code)
}

// A request without authentication is refused with 401 before its parameters and its body are looked at.
func TestErrors_401ComesBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for _, path := range []string{"/project/7", "/project?limit=x", "/jobs/" + uuid.NewString()} {
		app.Do(t, "GET", apptest.BasePath+path, "").Problem(t, 401, client.ErrorCodeUnauthenticated)
	}
	app.Do(t, "POST", apptest.BasePath+"/project", "{").Problem(t, 401, client.ErrorCodeUnauthenticated)
}

func TestRequestID_isTakenOrMade(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	models := apptest.BasePath + "/models"
	require.Equal(t, "mine-1", app.Do(t, "GET", models, "", "X-Request-Id", "mine-1").Header.Get("X-Request-Id"))
	for _, insane := range []string{"", strings.Repeat("x", 65), "a b", "<script>"} {
		got := app.Do(t, "GET", models, "", "X-Request-Id", insane).Header.Get("X-Request-Id")
		require.NoError(t, uuid.Validate(got), "our own instead of %q", insane)
	}
}
