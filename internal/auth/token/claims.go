package token

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"
)

// issuedClaims is the payload of an access token as Issue writes it. The times are seconds since 1970.
type issuedClaims struct {
	Issuer    string    `json:"iss"`
	Audience  string    `json:"aud"`
	Subject   uuid.UUID `json:"sub"`
	SessionID uuid.UUID `json:"sid"`
	ID        uuid.UUID `json:"jti"`
	IssuedAt  int64     `json:"iat"`
	NotBefore int64     `json:"nbf"`
	Expires   int64     `json:"exp"`
}

// presentedClaims is the same payload as Verify reads it. Claims that it doesn't know are ignored, as RFC 7519,
// section 4, wants, so that processes of two versions can run side by side.
type presentedClaims struct {
	Issuer    once[string]    `json:"iss"`
	Audience  once[string]    `json:"aud"`
	Subject   once[uuid.UUID] `json:"sub"`
	SessionID once[uuid.UUID] `json:"sid"`
	ID        once[uuid.UUID] `json:"jti"`
	IssuedAt  once[int64]     `json:"iat"`
	NotBefore once[int64]     `json:"nbf"`
	Expires   once[int64]     `json:"exp"`
}

var errTwice = errors.New("claim stands there twice")

// once is a claim that may be there once. encoding/json would let the last of two win, and take "SUB" for "sub".
type once[T any] struct {
	value T
	seen  bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *once[T]) UnmarshalJSON(raw []byte) error {
	if o.seen {
		return errTwice
	}
	o.seen = true
	return json.Unmarshal(raw, &o.value)
}
