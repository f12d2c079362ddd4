package servers

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/test/bench/load"
)

// tokenTTL outlives every run.
const tokenTTL = 12 * time.Hour

// virtual returns the accounts of the seeds, with a session token for each.
func virtual(mint func(user, session uuid.UUID) (string, error)) ([]load.Vars, error) {
	all := make([]load.Vars, users)
	for i := range all {
		n := i + 1
		text, err := mint(seeded("8000", n), seeded("b000", n))
		if err != nil {
			return nil, err
		}
		all[i] = load.Vars{
			"email": fmt.Sprintf("u%d@example.test", n), "token": text, "cursor": "",
			"chat": seeded("a000", n).String(), "project": seeded("9000", n).String(),
		}
	}
	return all, nil
}

// seeded returns the id of a row of the seeds.
func seeded(kind string, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-%s-%012x", kind, n))
}

// ourTokens returns a function that signs tokens as our server does, so that the server makes all its checks: signature, claims,
// session.
func ourTokens(secret string) (func(user, session uuid.UUID) (string, error), error) {
	ring, err := token.NewKeyring(secret)
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(ring, token.IssuerConfig{
		Issuer: "mugshot", Audience: "mugshot-api", TTL: tokenTTL, Leeway: token.DefaultLeeway,
	}, time.Now, rand.Reader)
	if err != nil {
		return nil, err
	}
	return func(user, session uuid.UUID) (string, error) {
		text, _, err := issuer.Issue(token.Claims{UserID: user, SessionID: session})
		return text, err
	}, nil
}

// plainTokens returns a function that signs the tokens of the floor and the peer: HS256 over a subject and an expiry.
func plainTokens(secret string) func(user, session uuid.UUID) (string, error) {
	return func(user, _ uuid.UUID) (string, error) {
		claims, err := jwt.NewBuilder().Subject(user.String()).Expiration(time.Now().Add(tokenTTL)).Build()
		if err != nil {
			return "", err
		}
		signed, err := jwt.Sign(claims, jwt.WithKey(jwa.HS256, []byte(secret)))
		return string(signed), err
	}
}
