package edge

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// f is a field of the body, with the sentence that a person reads.
func f(field, code, message string) apperr.Field {
	return apperr.Field{Field: field, In: "body", Code: code, Message: message}
}

func in(where, field, code, message string) apperr.Field {
	return apperr.Field{Field: field, In: where, Code: code, Message: message}
}

const (
	mustBeUUID     = "must be a UUID such as 0199f3a2-7c1e-7b60-9d55-3f8a1c2b4d5e"
	mustHaveForm   = "has a form or characters that are not allowed"
	mustBeKnown    = "is not a field of this request"
	mustBeMode     = "must be one of: design, copy"
	mustBeEmail    = "must be an e-mail address such as ada@example.com"
	mustBePlainInt = mustBeInteger + ", written without point and exponent"
)

// TestValidate_400_body shows every rule of the spec, in the words of the answer.
func TestValidate_400_body(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const (
		create = base + "/project"
		queue  = base + "/project/" + aUUID + "/queue"
		signUp = base + "/auth/signup"
		start  = base + "/auth/start"
	)
	with := func(member string) string { // a right project and one more member
		return `{"mode":"design","platform":"youtube","prompt":{"headline":"x"},` + member + `}`
	}
	prompt := func(members string) string {
		return `{"mode":"design","platform":"youtube","prompt":{` + members + `}}`
	}
	refs := func(items string) string { return prompt(`"headline":"x","ref_asset_ids":[` + items + `]`) }
	password := func(p string) string {
		return `{"email":"ada@example.com","password":"` + p + `","confirm_password":"x","username":"ada","full_name":"A","dob":"1995-12-10"}`
	}
	for name, c := range map[string]struct {
		path, body string
		want       []apperr.Field
	}{
		"nothing": {create, ``, []apperr.Field{f("", "required", "is required")}},
		"empty object, all at once": {create, `{}`, []apperr.Field{
			f("/mode", "required", "is required"),
			f("/platform", "required", "is required"),
			f("/prompt", "required", "is required"),
		}},
		"null":   {create, `null`, []apperr.Field{f("", "null", "must not be null")}},
		"list":   {create, `[]`, []apperr.Field{f("", "type", "must be an object")}},
		"string": {create, `"x"`, []apperr.Field{f("", "type", "must be an object")}},
		"many rules of one sign-up": {
			signUp,
			`{"email":"ada","password":"short","confirm_password":"","username":"a b","full_name":"\u0007","dob":"2026-02-30","x":1}`,
			[]apperr.Field{
				f("/confirm_password", "min_length", "must not be empty"),
				f("/dob", "format", "must be a date such as 1995-12-10"),
				f("/email", "min_length", mustBeEmail),
				f("/full_name", "pattern", "must have a visible character and no line breaks"),
				f("/password", "min_length", "must be at least 8 characters"),
				f("/username", "pattern", "must be 3 to 30 letters, digits, dots, underscores or hyphens"),
				f("/x", "unknown_field", mustBeKnown),
			},
		},
		"length counts characters, not bytes": {signUp, password(strings.Repeat("é", 129)), []apperr.Field{
			f("/password", "max_length", "must be at most 128 characters"),
		}},
		"NUL in a password": {signUp, password(`long enough\u0000`), []apperr.Field{f("/password", "pattern", mustHaveForm)}},
		"NUL where there is one": {create, prompt(`"headline":"x","details":"a\u0000b"`), []apperr.Field{
			f("/prompt/details", "pattern", mustHaveForm),
		}},
		"email": {start, `{"email":"ada@example"}`, []apperr.Field{f("/email", "pattern", mustBeEmail)}},
		"long email": {start, `{"email":"` + strings.Repeat("a", 260) + `"}`, []apperr.Field{
			f("/email", "max_length", "must be at most 254 characters"),
		}},
		"wrong case": {start, `{"Email":"ada@example.com"}`, []apperr.Field{
			f("/Email", "unknown_field", mustBeKnown), f("/email", "required", "is required"),
		}},
		"nested":        {create, prompt(`"headline":""`), []apperr.Field{f("/prompt/headline", "min_length", "must have a visible character and no line breaks")}},
		"nested absent": {create, prompt(``), []apperr.Field{f("/prompt/headline", "required", "is required")}},
		"nested unknown": {create, prompt(`"headline":"x","a/b~c":1,"q\"":2`), []apperr.Field{
			f("/prompt/a~1b~0c", "unknown_field", mustBeKnown), f(`/prompt/q"`, "unknown_field", mustBeKnown),
		}},
		"enum": {create, `{"mode":"paint","platform":"youtube","prompt":{"headline":"x"}}`, []apperr.Field{f("/mode", "enum", mustBeMode)}},
		"wrong type": {create, `{"mode":7,"platform":"youtube","prompt":"x"}`, []apperr.Field{
			f("/mode", "enum", mustBeMode), f("/prompt", "type", "must be an object"),
		}},
		"list item": {create, refs(`"` + aUUID + `","x"`), []apperr.Field{f("/prompt/ref_asset_ids/1", "format", mustBeUUID)}},
		"null item": {create, refs(`null`), []apperr.Field{f("/prompt/ref_asset_ids/0", "null", "must not be null")}},
		"same item": {create, refs(`"` + aUUID + `","` + aUUID + `"`), []apperr.Field{
			f("/prompt/ref_asset_ids", "unique_items", "must not have the same item twice"),
		}},
		"braced UUID":  {create, refs(`"{` + aUUID + `}"`), []apperr.Field{f("/prompt/ref_asset_ids/0", "format", mustBeUUID)}},
		"too small":    {create, with(`"width":255`), []apperr.Field{f("/width", "minimum", "must be at least 256")}},
		"too big":      {create, with(`"seed":9223372036854775808`), []apperr.Field{f("/seed", "maximum", "must be at most 2147483647")}},
		"beyond float": {create, with(`"seed":1e400`), []apperr.Field{f("/seed", "type", mustBeInteger)}},
		"fraction":     {create, with(`"seed":1.5`), []apperr.Field{f("/seed", "type", mustBeInteger)}},
		"exponent":     {create, with(`"seed":1e3`), []apperr.Field{f("/seed", "type", mustBePlainInt)}},
		"point and more": {create, with(`"seed":1.0,"width":1`), []apperr.Field{
			f("/seed", "type", mustBePlainInt), f("/width", "minimum", "must be at least 256"),
		}},
		"text number":        {create, with(`"seed":"7"`), []apperr.Field{f("/seed", "type", mustBeInteger)}},
		"bool number":        {create, with(`"seed":true`), []apperr.Field{f("/seed", "type", mustBeInteger)}},
		"null for a default": {create, prompt(`"headline":"x","ref_asset_ids":null`), []apperr.Field{f("/prompt/ref_asset_ids", "null", "must not be null")}},
		"null number":        {create, with(`"seed":null`), []apperr.Field{f("/seed", "null", "must not be null")}},
		"time": {
			queue, `{"quality":"std","variants":1,"consent":{"accepted_at":"2026-11-21T18:04:60Z","subject_is_me":"yes"}}`,
			[]apperr.Field{
				f("/consent/accepted_at", "format", "must be a time such as 2026-11-21T18:04:30Z"),
				f("/consent/subject_is_me", "type", "must be true or false"),
			},
		},
		"parameter and body": {base + "/project/none/queue", `{"quality":"std","variants":9}`, []apperr.Field{
			in("path", "project_id", "format", mustBeUUID), f("/variants", "maximum", "must be at most 4"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := requireProblem(t, b.do(http.MethodPost, c.path, c.body), http.StatusBadRequest, apperr.CodeValidationFailed)
			require.Equal(t, c.want, p.Error.Details.Fields)
		})
	}
}

func TestValidate_400_patch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, want := range map[string][]apperr.Field{
		`{}`:                         {f("", "min_properties", "must have at least one field")},
		`{"model_pref":"dall_e"}`:    {f("/model_pref", "enum", "must be one of: nano_banana, nano_banana_pro, seedream, fal_flux, null")},
		`{"mode":null}`:              {f("/mode", "enum", mustBeMode)},
		`{"seed":1.0}`:               {f("/seed", "type", mustBePlainInt)},
		`{"prompt":{"headline":[]}}`: {f("/prompt/headline", "type", "must be text")},
	} {
		p := requireProblem(t, b.do(http.MethodPatch, base+"/project/"+aUUID, body), http.StatusBadRequest, apperr.CodeValidationFailed)
		require.Equal(t, want, p.Error.Details.Fields, body)
	}
}

func TestValidate_400_parameters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const whole = mustBeInteger
	for _, c := range []struct {
		query string
		want  []apperr.Field
	}{
		{"limit=0", []apperr.Field{in("query", "limit", "minimum", "must be at least 1")}},
		{"limit=101", []apperr.Field{in("query", "limit", "maximum", "must be at most 100")}},
		{"limit=x&status=lost&cursor=", []apperr.Field{
			in("query", "status", "enum", "must be one of: draft, queued, running, done, failed"),
			in("query", "cursor", "min_length", "must not be empty"),
			in("query", "limit", "type", whole),
		}},
		{"limit=", []apperr.Field{in("query", "limit", "empty", "must not be empty")}},
		{"limit=1.0", []apperr.Field{in("query", "limit", "type", whole)}},
		{"limit=1e400", []apperr.Field{in("query", "limit", "type", whole)}},
		{"limit=9223372036854775808", []apperr.Field{in("query", "limit", "type", whole)}},
		{"limit=5&limit=6", []apperr.Field{in("query", "limit", "repeated", "must be given once")}},
		{"limit=5&limit=", []apperr.Field{in("query", "limit", "repeated", "must be given once")}},
		{"cursor=%00", []apperr.Field{in("query", "cursor", "nul_character", "must not contain the character U+0000")}},
		{"cursor=%ff", []apperr.Field{in("query", "cursor", "encoding", "must be UTF-8")}},
		{"cursor=%zz", []apperr.Field{in("query", "", "encoding", "must be pairs of name=value, percent-encoded, with & between")}},
		{"limit=5;status=done", []apperr.Field{in("query", "", "encoding", "must be pairs of name=value, percent-encoded, with & between")}},
	} {
		p := requireProblem(t, b.do(http.MethodGet, base+"/project?"+c.query, ""), http.StatusBadRequest, apperr.CodeValidationFailed)
		require.Equal(t, c.want, p.Error.Details.Fields, c.query)
	}
	for path, message := range map[string]string{
		"/project/x": "must be a UUID",
		"/project/00000000000000000000000000000000": "must be a UUID",
		"/project/%00":   "must not contain the character U+0000",
		"/project/a%2Fb": "must be a UUID",
		"/project/%ff":   "must be UTF-8",
	} {
		p := requireProblem(t, b.do(http.MethodDelete, base+path, ""), http.StatusBadRequest, apperr.CodeValidationFailed)
		require.Len(t, p.Error.Details.Fields, 1)
		require.Equal(t, "project_id", p.Error.Details.Fields[0].Field)
		require.Contains(t, p.Error.Details.Fields[0].Message, message)
	}
	for header, value := range map[string]string{"Idempotency-Key": "a b", "idempotency-key": strings.Repeat("x", 256)} {
		rec := b.do(http.MethodPost, base+"/project", `{"mode":"design","platform":"youtube","prompt":{"headline":"x"}}`, header, value)
		p := requireProblem(t, rec, http.StatusBadRequest, apperr.CodeValidationFailed)
		require.Equal(t, "Idempotency-Key", p.Error.Details.Fields[0].Field)
		require.Equal(t, "header", p.Error.Details.Fields[0].In)
	}
	r := httptest.NewRequest(http.MethodPost, base+"/auth/refresh", http.NoBody)
	r.Header.Add("X-CSRF-Token", "a")
	r.Header.Add("X-CSRF-Token", "b")
	r.AddCookie(&http.Cookie{Name: "mugshot_refresh", Value: strings.Repeat("x", 256)})
	p := requireProblem(t, b.send(r), http.StatusBadRequest, apperr.CodeValidationFailed)
	require.Equal(t, []apperr.Field{
		in("header", "X-CSRF-Token", "repeated", "must be given once"),
		in("cookie", "mugshot_refresh", "max_length", "must be at most 255 characters"),
	}, p.Error.Details.Fields)
}

// TestValidate_200_whatIsIgnored pins what is let through on purpose.
func TestValidate_200_whatIsIgnored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var got api.ListProjectsParams
	list := b.impl.listProjects
	b.impl.listProjects = func(ctx context.Context, r api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error) {
		got = r.Params
		return list(ctx, r)
	}
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/project?unknown=1&utm_source=x", "").Code, "unknown query parameters are ignored")
	require.EqualValues(t, 50, *got.Limit, "the spec's default is filled in")
	require.Nil(t, got.Status)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/project?limit=7&status=done", "").Code)
	require.EqualValues(t, 7, *got.Limit)
	require.Equal(t, api.ProjectStatusDone, *got.Status)
	require.Equal(t, http.StatusNoContent, b.do(http.MethodDelete, base+"/project/"+strings.ToUpper(aUUID), "").Code, "hex has no case")
	encoded := strings.Replace(aUUID, "-", "%2D", 1)
	require.Equal(t, http.StatusNoContent, b.do(http.MethodDelete, base+"/project/"+encoded, "").Code, "percent-encoding is no difference")
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models?%zz", "").Code, "a query that is not read")
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models", "not json", "Content-Type", "text/plain").Code, "a body that is not read")
	for _, contentType := range []string{"application/json; charset=utf-8", "Application/JSON", `application/json;charset="UTF-8"`} {
		require.Equal(t, http.StatusOK, b.do(http.MethodPost, base+"/auth/start", `{"email":"ada@example.com"}`, "Content-Type", contentType).Code)
	}
	require.Equal(t, http.StatusOK, b.do(http.MethodPost, base+"/auth/start", " {\"email\":\"ada@example.com\"}\r\n\t ").Code)
}

// TestValidate_200_bindsWhatWasChecked shows that handlers get the value that was checked, defaults included.
func TestValidate_200_bindsWhatWasChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var signIn *api.SignInRequest
	b.impl.signIn = func(_ context.Context, r api.SignInRequestObject) (api.SignInResponseObject, error) {
		signIn = r.Body
		return nil, apperr.ErrUnavailable
	}
	b.do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"x"}`)
	require.NotNil(t, signIn.Cookie)
	require.False(t, *signIn.Cookie)

	var update *api.ProjectUpdate
	b.impl.updateProject = func(_ context.Context, r api.UpdateProjectRequestObject) (api.UpdateProjectResponseObject, error) {
		update = r.Body
		return nil, apperr.ErrNotFound
	}
	b.do(http.MethodPatch, base+"/project/"+aUUID, `{"seed":null,"width":1920}`)
	require.True(t, update.Seed.IsNull())
	require.False(t, update.ModelPref.IsSpecified())
	require.EqualValues(t, 1920, *update.Width)

	var refresh *api.RefreshRequest
	b.impl.refresh = func(_ context.Context, r api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error) {
		refresh = r.Body
		return nil, apperr.ErrUnavailable
	}
	for _, body := range []string{"", "{}"} {
		refresh = nil
		b.do(http.MethodPost, base+"/auth/refresh", body)
		require.NotNil(t, refresh)
		require.Nil(t, refresh.RefreshToken)
	}
	chunked := httptest.NewRequest(http.MethodPost, base+"/auth/refresh", io.MultiReader(strings.NewReader("")))
	chunked.Header.Set("Content-Type", "text/plain")
	require.EqualValues(t, -1, chunked.ContentLength)
	require.Equal(t, http.StatusServiceUnavailable, b.send(chunked).Code, "an empty body has no type")
}

// TestValidate_400_bounded shows that a body of mistakes does not get an answer many times its size.
func TestValidate_400_bounded(t *testing.T) {
	t.Parallel()
	body := `{"prompt":{"headline":"x","ref_asset_ids":[` + strings.Repeat("1,", 15_000) + `1]}}`
	p := requireProblem(t, setup(t).do(http.MethodPost, base+"/project", body), http.StatusBadRequest, apperr.CodeValidationFailed)
	require.Len(t, p.Error.Details.Fields, maxFields)
}

// TestExpected_prefersXMessage shows that the spec can bring its own sentence for a pattern.
func TestExpected_prefersXMessage(t *testing.T) {
	t.Parallel()
	s := openapi3.NewStringSchema().WithPattern("^[0-9]{6}$")
	s.Extensions = map[string]any{extMessage: "must be six digits"}
	var v violations
	v.addBody(s.VisitJSON("x", openapi3.MultiErrors()))
	require.Equal(t, violations{f("", "pattern", "must be six digits")}, v)
}
