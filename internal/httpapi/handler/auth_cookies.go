package handler

import (
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// The names are in the spec.
const (
	refreshCookie = "mugshot_refresh"
	csrfCookie    = "mugshot_csrf"
)

var errCSRF = apperr.New(apperr.Forbidden, apperr.CodeCSRFFailed,
	"Send the value of the mugshot_csrf cookie as X-CSRF-Token.")

// cookieJar makes the two cookies of a browser's session. The refresh token is out of reach of scripts and of other
// sites, and only sent to the auth operations. The CSRF token can be read by the site's own scripts, which repeat it in a
// header to prove that the request is theirs: the signed double submit of OWASP's CSRF Prevention Cheat Sheet.
type cookieJar struct {
	path   string // of the auth operations
	domain string // of the CSRF cookie, where the site is on a sister host of ours; empty: our own host alone
	csrf   *token.CSRFTokens
}

// newCookieJar returns the jar of an API under basePath.
func newCookieJar(basePath, csrfDomain string, csrf *token.CSRFTokens) cookieJar {
	return cookieJar{path: basePath + "/auth", domain: csrfDomain, csrf: csrf}
}

func (j cookieJar) issue(session auth.Session) ([]*http.Cookie, error) {
	csrf, err := j.csrf.New(session.SessionID)
	if err != nil {
		return nil, err
	}
	return j.pair(session.Refresh.Token(), csrf, session.RefreshExpiresAt), nil
}

// expire makes browsers forget both, and a CSRF cookie of our own host from before CSRF_COOKIE_DOMAIN was set: sent beside the
// other one, it would have every request refused.
func (j cookieJar) expire() []*http.Cookie {
	past := time.Unix(1, 0)
	cookies := j.pair("", "", past)
	if j.domain != "" {
		own := j
		own.domain = ""
		cookies = append(cookies, own.pair("", "", past)[1])
	}
	return cookies
}

// DeadCookies returns what makes browsers forget the cookies of a session.
func DeadCookies(basePath, csrfDomain string) []*http.Cookie {
	return newCookieJar(basePath, csrfDomain, nil).expire()
}

func (j cookieJar) pair(refresh, csrf string, expires time.Time) []*http.Cookie {
	return []*http.Cookie{
		{
			Name: refreshCookie, Value: refresh, Path: j.path, Expires: expires.UTC(),
			HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
		},
		{ //nolint:gosec // G124: scripts have to read it
			Name: csrfCookie, Value: csrf, Path: "/", Domain: j.domain, Expires: expires.UTC(),
			Secure: true, SameSite: http.SameSiteStrictMode,
		},
	}
}

// refreshToken is the one in the body, or else the one that a browser brings, which needs the CSRF token beside it.
func (h authHandlers) refreshToken(r api.RefreshSessionRequestObject) (refreshToken string, byCookie bool, err error) {
	if r.Body != nil && r.Body.RefreshToken != nil {
		return *r.Body.RefreshToken, false, nil
	}
	if r.Params.MugshotRefresh == nil {
		return "", false, auth.ErrInvalidRefreshToken
	}
	sessionID, err := h.auth.RefreshSessionID(*r.Params.MugshotRefresh)
	if err != nil {
		return "", false, err
	}
	if !h.cookies.csrf.Valid(sessionID, orEmpty(r.Params.MugshotCsrf), orEmpty(r.Params.XCSRFToken)) {
		return "", false, errCSRF
	}
	return *r.Params.MugshotRefresh, true, nil
}

// bringsCookie reports whether a request to sign out brings the refresh cookie of the session that asks. A request with a
// refresh cookie, also with that of another session of the same browser, must bring the session's CSRF token; a cookie that
// was never issued here proves nothing and is ignored.
func (h authHandlers) bringsCookie(p edge.Principal, params api.SignOutParams) (mine bool, err error) {
	if params.MugshotRefresh == nil {
		return false, nil
	}
	sessionID, err := h.auth.RefreshSessionID(*params.MugshotRefresh)
	if err != nil {
		return false, nil //nolint:nilerr // see above
	}
	if !h.cookies.csrf.Valid(sessionID, orEmpty(params.MugshotCsrf), orEmpty(params.XCSRFToken)) {
		return false, errCSRF
	}
	return sessionID == p.SessionID, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// The generated responses have one Set-Cookie header at most; these have one for each cookie, or none.
type (
	signedInWithCookies struct {
		api.SignInResponseObject
		cookies []*http.Cookie
	}
	verifiedWithCookies struct {
		api.VerifySecondFactorResponseObject
		cookies []*http.Cookie
	}
	refreshedWithCookies struct {
		api.RefreshSessionResponseObject
		cookies []*http.Cookie
	}
	signedOutWithCookies struct {
		api.SignOutResponseObject
		cookies []*http.Cookie
	}
	deletedWithCookies struct {
		api.DeleteMeResponseObject
		cookies []*http.Cookie
	}
)

func (r signedInWithCookies) VisitSignInResponse(w http.ResponseWriter) error {
	setCookies(w, r.cookies)
	return r.SignInResponseObject.VisitSignInResponse(w)
}

func (r verifiedWithCookies) VisitVerifySecondFactorResponse(w http.ResponseWriter) error {
	setCookies(w, r.cookies)
	return r.VerifySecondFactorResponseObject.VisitVerifySecondFactorResponse(w)
}

func (r refreshedWithCookies) VisitRefreshSessionResponse(w http.ResponseWriter) error {
	setCookies(w, r.cookies)
	return r.RefreshSessionResponseObject.VisitRefreshSessionResponse(w)
}

func (r signedOutWithCookies) VisitSignOutResponse(w http.ResponseWriter) error {
	setCookies(w, r.cookies)
	return r.SignOutResponseObject.VisitSignOutResponse(w)
}

func (r deletedWithCookies) VisitDeleteMeResponse(w http.ResponseWriter) error {
	setCookies(w, r.cookies)
	return r.DeleteMeResponseObject.VisitDeleteMeResponse(w)
}

func setCookies(w http.ResponseWriter, cookies []*http.Cookie) {
	for _, cookie := range cookies {
		http.SetCookie(w, cookie)
	}
}
