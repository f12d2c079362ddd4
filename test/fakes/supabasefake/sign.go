package supabasefake

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// The scopes of a token.
const (
	scopeUpload   = "upload"
	scopeDownload = "download"
)

func (s *Server) signUpload(w http.ResponseWriter, r *http.Request) {
	upsert := r.Header.Get("X-Upsert") == "true"
	switch o, p := s.find(r); {
	case o == nil && p == noSuchBucket:
		refuse(w, p)
		return
	case o != nil && !upsert:
		refuse(w, duplicateKey)
		return
	}
	token := s.token(key(r), scopeUpload, upsert, s.cfg.UploadTTL)
	answer(w, struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}{"/object/upload/sign/" + key(r) + "?token=" + token, token})
}

func (s *Server) signedUpload(w http.ResponseWriter, r *http.Request) {
	token, p := s.verify(r, scopeUpload)
	if token == nil {
		refuse(w, p)
		return
	}
	upsert, _ := token.Get("upsert")
	o, p := s.receive(r, upsert == true)
	if o == nil {
		refuse(w, p)
		return
	}
	answer(w, map[string]string{"Key": key(r)})
}

func (s *Server) signDownload(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ExpiresIn int64 `json:"expiresIn"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if o, p := s.find(r); o == nil {
		refuse(w, p)
		return
	}
	answer(w, map[string]string{"signedURL": s.signed(key(r), in.ExpiresIn)})
}

func (s *Server) signDownloads(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ExpiresIn int64    `json:"expiresIn"`
		Paths     []string `json:"paths"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.ExpiresIn < 1 || len(in.Paths) == 0 {
		refuse(w, problem{400, "Error", "body/expiresIn must be >= 1, body/paths must not be empty", "InvalidRequest"})
		return
	}
	type item struct {
		Error     *string `json:"error"`
		Path      string  `json:"path"`
		SignedURL *string `json:"signedURL"`
	}
	missing := "Either the object does not exist or you do not have access to it"
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("bucket")
	items := make([]item, 0, len(in.Paths))
	for _, path := range in.Paths {
		if b := s.buckets[name]; b == nil || b.objects[path] == nil {
			items = append(items, item{Error: &missing, Path: path})
			continue
		}
		signed := s.signed(name+"/"+path, in.ExpiresIn)
		items = append(items, item{Path: path, SignedURL: &signed})
	}
	answer(w, items)
}

func (s *Server) signedDownload(w http.ResponseWriter, r *http.Request) {
	if token, p := s.verify(r, scopeDownload); token == nil {
		refuse(w, p)
		return
	}
	if name := r.URL.Query().Get("download"); name != "" {
		disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
		w.Header().Set("Content-Disposition", disposition+"; filename*=UTF-8''"+name)
	}
	s.send(w, r, false)
}

func (s *Server) signed(key string, seconds int64) string {
	return "/object/sign/" + key + "?token=" + s.token(key, scopeDownload, false, time.Duration(seconds)*time.Second)
}

// token makes an HS256 token, as the server does.
func (s *Server) token(key, scope string, upsert bool, ttl time.Duration) string {
	t, err := jwt.NewBuilder().Claim("url", key).Claim("scope", scope).Claim("upsert", upsert).
		IssuedAt(s.cfg.Now()).Expiration(s.cfg.Now().Add(ttl)).Build()
	if err != nil {
		panic(err) // a defect of this package
	}
	text, err := jwt.Sign(t, jwt.WithKey(jwa.HS256, s.cfg.Secret))
	if err != nil {
		panic(err) // a defect of this package
	}
	return string(text)
}

// verify reads the token of a signed URL; it is nil where the problem is to be answered.
func (s *Server) verify(r *http.Request, scope string) (jwt.Token, problem) {
	text := r.URL.Query().Get("token")
	if text == "" {
		return nil, tokenRequired
	}
	token, err := jwt.Parse([]byte(text), jwt.WithKey(jwa.HS256, s.cfg.Secret), jwt.WithClock(jwt.ClockFunc(s.cfg.Now)))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired()):
		return nil, expiredToken
	case err != nil:
		return nil, forgedToken
	}
	url, _ := token.Get("url")
	granted, _ := token.Get("scope")
	if url != strings.TrimPrefix(key(r), "/") || granted != scope {
		return nil, badSignature
	}
	return token, problem{}
}
