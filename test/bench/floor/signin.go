package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/alexedwards/argon2id"
)

const (
	userByEmail = "select id::text, password_hash, username, credits from users where email = $1"
	addRefresh  = "insert into refresh_tokens (user_id, token_hash, expires_at) values ($1, $2, now() + interval '30 days')"
)

// hashing allows two password hashes at once: more would only cost memory and time on two cores.
var hashing = make(chan struct{}, 2)

func matches(password, hash string) bool {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	return err == nil && same
}

func (f *floor) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, "malformed_json")
		return
	}
	var id, hash, name string
	var credits int64
	found, err := f.one(r.Context(), userByEmail, []any{in.Email}, &id, &hash, &name, &credits)
	if err != nil || !found || !matches(in.Password, hash) {
		refuse(w, http.StatusUnauthorized, "invalid_credentials")
		return
	}
	var refresh [32]byte
	_, _ = rand.Read(refresh[:]) // it never fails
	sum := sha256.Sum256(refresh[:])
	if _, err := f.db.Exec(r.Context(), addRefresh, id, sum[:]); err != nil {
		lacking(w, err)
		return
	}
	b := append([]byte(`{"session_token":"`), f.sign(id)...)
	b = append(b, `","token_type":"Bearer","expires_in":86400,"refresh_token":"`...)
	b = append(b, base64URL.EncodeToString(refresh[:])...)
	b = appendString(append(b, `","user":{"id":"`+id+`","username":`...), name)
	b = strconv.AppendInt(append(b, `,"credits":`...), credits, 10)
	answer(w, http.StatusOK, append(b, "}}"...))
}
