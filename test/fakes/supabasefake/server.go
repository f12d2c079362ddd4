// Package supabasefake provides a fake Supabase Storage server: an http.Handler that answers as a real server was recorded to,
// and injects faults on request. recorded_test.go pins its answers; what the recording lacks (listing through folders, moving
// across buckets, changing a bucket) follows the source of github.com/supabase/storage.
//
// Like the hosted service it also takes the key as apikey, which the gateway in front of the storage turns into a role.
package supabasefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Prefix is the path of the storage on a project's host.
const Prefix = "/storage/v1"

// Config configures a [Server].
type Config struct {
	Dir        string // an empty folder for the objects' bytes
	ServiceKey string // sees and may do everything
	AnonKey    string // is refused by row-level security
	Secret     []byte // signs tokens
	Now        func() time.Time
	UploadTTL  time.Duration // of an upload token; 0: two hours, as recorded
	MaxBytes   int64         // the project's own limit of one object; 0: 50 MiB, as hosted
}

// Server is the fake server. It is safe for concurrent use.
type Server struct {
	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	buckets  map[string]*bucket
	faults   []Fault
	requests []Request
}

// Request is a request that the [Server] received.
type Request struct {
	Method string
	Path   string // below Prefix
	Header http.Header
}

// New returns a Server without buckets.
func New(cfg Config) *Server {
	if cfg.UploadTTL == 0 {
		cfg.UploadTTL = 2 * time.Hour
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 50 << 20
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), buckets: map[string]*bucket{}}
	s.mux.HandleFunc("POST /bucket", s.needs(service, denied, s.createBucket))
	s.mux.HandleFunc("PUT /bucket/{bucket}", s.needs(service, denied, s.updateBucket))
	s.mux.HandleFunc("GET /bucket/{bucket}", s.needs(service, noSuchBucket, s.getBucket))

	s.mux.HandleFunc("POST /object/{bucket}/{path...}", s.needs(service, denied, s.upload))
	s.mux.HandleFunc("PUT /object/{bucket}/{path...}", s.needs(service, denied, s.upload))
	s.mux.HandleFunc("GET /object/{bucket}/{path...}", s.download)
	s.mux.HandleFunc("GET /object/authenticated/{bucket}/{path...}", s.needs(service, noSuchKey, s.download))
	s.mux.HandleFunc("GET /object/public/{bucket}/{path...}", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, noSuchBucket) // no bucket here is public
	})
	s.mux.HandleFunc("GET /object/info/{bucket}/{path...}", s.needs(service, noSuchKey, s.info))
	s.mux.HandleFunc("DELETE /object/{bucket}", s.needs(service, noSuchKey, s.removeMany))
	s.mux.HandleFunc("DELETE /object/{bucket}/{path...}", s.needs(service, noSuchKey, s.removeOne))
	s.mux.HandleFunc("POST /object/move", s.needs(service, noSuchKey, s.move))
	s.mux.HandleFunc("POST /object/list-v2/{bucket}", s.needs(service, noSuchKey, s.list))

	s.mux.HandleFunc("POST /object/upload/sign/{bucket}/{path...}", s.needs(service, denied, s.signUpload))
	s.mux.HandleFunc("PUT /object/upload/sign/{bucket}/{path...}", s.signedUpload)
	s.mux.HandleFunc("POST /object/sign/{bucket}/{path...}", s.needs(service, noSuchKey, s.signDownload))
	s.mux.HandleFunc("POST /object/sign/{bucket}", s.needs(service, noSuchKey, s.signDownloads))
	s.mux.HandleFunc("GET /object/sign/{bucket}/{path...}", s.signedDownload)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	var fault Fault
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, Prefix), Header: r.Header.Clone(),
	})
	s.mu.Unlock()

	next := http.StripPrefix(Prefix, http.HandlerFunc(s.route))
	if fault != nil {
		fault(w, r, next)
		return
	}
	next.ServeHTTP(w, r)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if slices.Contains(strings.Split(r.URL.Path, "/"), "..") { // before the mux redirects it to somewhere harmless
		refuse(w, problem{400, "InvalidKey", "Invalid key: contains dot path segment", "InvalidKey"})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// problem is an error of the server's: an HTTP 400 with the real status inside.
type problem struct {
	status  int
	name    string
	message string
	code    string
}

var (
	noSuchBucket  = problem{404, "Bucket not found", "Bucket not found", "NoSuchBucket"}
	noSuchKey     = problem{404, "not_found", "Object not found", "NoSuchKey"}
	denied        = problem{403, "Unauthorized", "new row violates row-level security policy", "AccessDenied"}
	duplicateKey  = problem{409, "Duplicate", "The resource already exists", "KeyAlreadyExists"}
	duplicate     = problem{409, "Duplicate", "The resource already exists", "BucketAlreadyExists"}
	tooLarge      = problem{413, "Payload too large", "The object exceeded the maximum allowed size", "EntityTooLarge"}
	badSignature  = problem{400, "InvalidSignature", "Invalid signature", "InvalidSignature"}
	forgedToken   = problem{400, "InvalidJWT", "signature verification failed", "InvalidJWT"}
	expiredToken  = problem{400, "InvalidJWT", `"exp" claim timestamp check failed`, "InvalidJWT"}
	tokenRequired = problem{400, "Error", "querystring must have required property 'token'", "InvalidRequest"}
	bodyRequired  = problem{400, "Error", "body must be object", "InvalidRequest"}
	brokenBody    = problem{400, "Error", "the body broke off", "InvalidRequest"}
)

func badType(contentType string) problem {
	return problem{415, "invalid_mime_type", fmt.Sprintf("mime type %s is not supported", contentType), "InvalidMimeType"}
}

func refuse(w http.ResponseWriter, p problem) {
	writeJSON(w, http.StatusBadRequest, struct {
		StatusCode string `json:"statusCode"`
		Error      string `json:"error"`
		Message    string `json:"message"`
		Code       string `json:"code"`
	}{fmt.Sprint(p.status), p.name, p.message, p.code})
}

func answer(w http.ResponseWriter, body any) { writeJSON(w, http.StatusOK, body) }

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // a defect of this package
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
}

// readJSON reports whether the body was a JSON object. If not, it has answered.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
	if !isJSON || json.NewDecoder(r.Body).Decode(into) != nil {
		refuse(w, bodyRequired)
		return false
	}
	return true
}

// role is the Postgres role of a key.
type role int

const (
	noRole role = iota
	anon
	service
)

// needs wraps a handler that requires a role. A key of a lesser role gets otherwise, which is what row-level security leaves of
// the answer; a missing or unknown key is refused before that.
func (s *Server) needs(least role, otherwise problem, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch has := s.role(r); {
		case has >= least:
			handle(w, r)
		case has == noRole:
			refuse(w, problem{403, "Unauthorized", "Invalid Compact JWS", "AccessDenied"})
		default:
			refuse(w, otherwise)
		}
	}
}

// role returns the role of the bearer token, which must be a JWT, or that of the apikey header, which the gateway accepts.
func (s *Server) role(r *http.Request) role {
	key := r.Header.Get("Apikey")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		key = bearer
		if !strings.HasPrefix(bearer, "eyJ") {
			key = ""
		}
	}
	switch key {
	case "":
		return noRole
	case s.cfg.ServiceKey:
		return service
	case s.cfg.AnonKey:
		return anon
	default:
		return noRole
	}
}

// temp makes a file for an object's bytes.
func (s *Server) temp() (*os.File, error) { return os.CreateTemp(s.cfg.Dir, "object-") }
