package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var (
	base64URL = base64.RawURLEncoding
	header    = base64URL.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "."
)

func (f *floor) mac(text string) []byte {
	h := hmac.New(sha256.New, f.secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (f *floor) sign(user string) string {
	now := time.Now().Unix()
	claims := `{"sub":"` + user + `","iat":` + strconv.FormatInt(now, 10) + `,"exp":` + strconv.FormatInt(now+86400, 10) + `}`
	text := header + base64URL.EncodeToString([]byte(claims))
	return text + "." + base64URL.EncodeToString(f.mac(text))
}

func (f *floor) verify(token string) (user string, ok bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < len(header) || !strings.HasPrefix(token, header) {
		return "", false
	}
	signature, err := base64URL.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(signature, f.mac(token[:dot])) {
		return "", false
	}
	text, err := base64URL.DecodeString(token[len(header):dot])
	var claims struct {
		Sub string
		Exp int64
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp < time.Now().Unix() {
		return "", false
	}
	return claims.Sub, true
}

func (f *floor) authenticated(handle func(w http.ResponseWriter, r *http.Request, user string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, ok := f.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if !ok {
			refuse(w, http.StatusUnauthorized, "unauthenticated")
			return
		}
		handle(w, r, user)
	}
}
