package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestAuthenticate_401(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const absent, invalid = `Bearer realm="mugshot"`, `Bearer realm="mugshot", error="invalid_token"`
	for header, challenge := range map[string]string{
		"":                   absent,
		"Bearer":             invalid,
		"Bearer ":            invalid,
		"Bearer  good-token": invalid,
		"Bearer good-token ": invalid,
		"Bearer a, Bearer b": invalid,
		"Basic Z29vZA==":     invalid,
		"good-token":         invalid,
		"Bearer stolen":      invalid,
		"Bearer " + strings.Repeat("x", maxToken+1): invalid,
		"Bearer " + strings.Repeat("x", 1<<20):      invalid,
	} {
		rec := b.do(http.MethodGet, base+"/project?limit=0", "", "Authorization", header) // and what is wrong beside it is not told
		requireProblem(t, rec, http.StatusUnauthorized, apperr.CodeUnauthenticated)
		require.Equal(t, challenge, rec.Header().Get("WWW-Authenticate"), header)
	}
	_, err := bearerToken(http.Header{"Authorization": {"Bearer " + strings.Repeat("x", maxToken+1)}})
	require.Error(t, err, "the signature check never sees it")

	twice := httptest.NewRequest(http.MethodGet, base+"/project", http.NoBody)
	twice.Header["Authorization"] = []string{"Bearer " + goodToken, "Bearer " + goodToken}
	requireProblem(t, b.send(twice), http.StatusUnauthorized, apperr.CodeUnauthenticated)

	body := httptest.NewRequest(http.MethodPost, base+"/project", brokenReader{}) // must not be read for a stranger
	requireProblem(t, b.send(body), http.StatusUnauthorized, apperr.CodeUnauthenticated)
}

// TestAuthenticate_401_otherCodes shows that wrong credentials are not called a bad token.
func TestAuthenticate_401_otherCodes(t *testing.T) {
	t.Parallel()
	rec := setup(t).do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"x"}`, "Authorization", "Bearer stolen")
	requireProblem(t, rec, http.StatusUnauthorized, apperr.CodeInvalidCredentials)
	require.Equal(t, `Bearer realm="mugshot"`, rec.Header().Get("WWW-Authenticate"))
}

func TestAuthenticate_503(t *testing.T) {
	t.Parallel()
	rec := setup(t).do(http.MethodGet, base+"/project", "", "Authorization", "Bearer down-token")
	requireProblem(t, rec, http.StatusServiceUnavailable, apperr.CodeUnavailable)
	require.Equal(t, "3", rec.Header().Get("Retry-After"))
}

func TestAuthenticate_200(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var got Principal
	list := b.impl.listProjects
	b.impl.listProjects = func(ctx context.Context, r api.ListProjectsRequestObject) (api.ListProjectsResponseObject, error) {
		got = PrincipalFrom(ctx)
		return list(ctx, r)
	}
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		got = Principal{}
		require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/project", "", "Authorization", scheme+" "+goodToken).Code)
		require.Equal(t, Principal{UserID: theUser, SessionID: theSession}, got)
	}
}

// TestAuthenticate_200_publicOperation shows that a bad token does not keep a client from what is public.
func TestAuthenticate_200_publicOperation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, header := range []string{"", "Bearer stolen", "Bearer down-token", "nonsense"} {
		require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models", "", "Authorization", header).Code)
	}
}
