package token

import "github.com/google/uuid"

// payload is what an access token carries, as [Issuer.Issue] writes it and [Issuer.Verify] reads it. The times are seconds
// since 1970. Members that a version does not know are ignored, as RFC 7519, section 4, wants, so that processes of two
// versions can run side by side.
//
// It is only decoded once the signature holds, so only Issue can have written it. That is why a member that stands there
// twice, or "SUB" in place of "sub", which encoding/json both lets pass, need not be looked for.
type payload struct {
	Issuer    string    `json:"iss"`
	Audience  string    `json:"aud"`
	Subject   uuid.UUID `json:"sub"`
	SessionID uuid.UUID `json:"sid"`
	ID        uuid.UUID `json:"jti"`
	IssuedAt  int64     `json:"iat"`
	NotBefore int64     `json:"nbf"`
	Expires   int64     `json:"exp"`
}
