package edge

import (
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// forgetCookies makes the browser forget the cookies with which it has asked an operation in vain: it would send them again
// for weeks. That is after an answer of 401, and where a cookie came twice. Nothing is set where none was brought: another site
// could have its visitors send such a request, and sign them out.
func (e *Edge) forgetCookies(w http.ResponseWriter, r *http.Request, op *operation, err error) {
	if e.cfg.DeadCookies == nil || !op.bringsCookie(r) {
		return
	}
	problem := classify(err)
	repeated := slices.ContainsFunc(problem.Fields, func(f apperr.Field) bool {
		return f.In == openapi3.ParameterInCookie && f.Code == codeRepeated
	})
	if problem.Kind != apperr.Unauthenticated && !repeated {
		return
	}
	for _, cookie := range e.cfg.DeadCookies() {
		http.SetCookie(w, cookie)
	}
}

// bringsCookie reports whether a request has one of the operation's cookies.
func (o *operation) bringsCookie(r *http.Request) bool {
	return slices.ContainsFunc(o.params, func(p param) bool {
		return p.In == openapi3.ParameterInCookie && len(r.CookiesNamed(p.Name)) > 0
	})
}
