package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Principal is the account that asks, and the session through which it does.
type Principal struct {
	UserID, SessionID uuid.UUID
}

// maxToken bounds what is handed to the signature check, in bytes. Our own tokens are under 500.
const maxToken = 4096

// errUnauthenticated says as little as possible about why.
var errUnauthenticated = apperr.New(apperr.Unauthenticated, apperr.CodeUnauthenticated, "Please sign in.")

// PrincipalFrom returns the account that asks. It panics in a public operation, which authenticates no account.
func PrincipalFrom(ctx context.Context) Principal { return *callFrom(ctx).principal }

// authenticate fills in the principal of a call. It is not called for public operations: they ignore a bad token, since
// a client with an old one must be able to sign in.
func (e *Edge) authenticate(r *http.Request, c *call) error {
	token, err := bearerToken(r.Header)
	c.token = token != "" || err != nil
	if err != nil || token == "" {
		return errUnauthenticated.With(err)
	}
	ctx := r.Context()
	principal, err := e.cfg.Authenticate(ctx, token)
	if err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	c.setPrincipal(principal)
	tracecontext.Add(ctx, tracecontext.UserID, c.user)
	return nil
}

// bearerToken reads "Authorization: Bearer token" (RFC 6750, 2.1); the scheme's case does not matter (RFC 9110, 11.1).
// Without the header it returns neither token nor error.
func bearerToken(h http.Header) (string, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", errors.New("several Authorization headers")
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", errors.New("not a bearer token")
	}
	if token == "" || len(token) > maxToken || strings.ContainsAny(token, " \t,") {
		return "", errors.New("malformed bearer token")
	}
	return token, nil
}
