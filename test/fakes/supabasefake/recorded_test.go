package supabasefake_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/fakes/supabasefake"
)

const (
	service = "eyJservice.key.signature"
	anon    = "eyJanon.key.signature"
	noKey   = ""
)

// exchange is one request and the answer of a real server to it, recorded on 22 November 2026. Variable parts of an answer are
// written as patterns between « and ».
type exchange struct {
	name    string
	as      string // the bearer token
	method  string
	path    string // below the prefix; «upload» and «download» are the newest signed URLs
	header  http.Header
	body    string
	status  int
	answer  string
	headers map[string]string // that the answer must have
}

const (
	uuidPattern = `«[0-9a-f-]{36}»`
	timePattern = `«\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z»`
	jwtPattern  = `«[\w-]+\.[\w-]+\.[\w-]+»`

	noSuchKey      = `{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}`
	noSuchBucket   = `{"statusCode":"404","error":"Bucket not found","message":"Bucket not found","code":"NoSuchBucket"}`
	keyExists      = `{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"KeyAlreadyExists"}`
	signedUpload   = `{"url":"/object/upload/sign/refs/u1/«\w+».png?token=` + jwtPattern + `","token":"` + jwtPattern + `"}`
	unsupportedFmt = `{"statusCode":"415","error":"invalid_mime_type","message":"mime type TYPE is not supported","code":"InvalidMimeType"}`
)

// The object of the recording: 73 bytes.
var (
	content = strings.Repeat("p", 73)
	asJSON  = http.Header{"Content-Type": {"application/json"}}
	asPNG   = http.Header{"Content-Type": {"image/png"}}
	upsert  = http.Header{"X-Upsert": {"true"}}
	objects = map[string]string{
		"Accept-Ranges": "bytes", "Content-Type": "image/png", "Content-Length": "73", "X-Robots-Tag": "none",
		"Cache-Control": "no-cache",
	}
	signedObject = map[string]string{
		"Accept-Ranges": "bytes", "Content-Type": "image/png", "Content-Length": "73", "X-Robots-Tag": "none",
		"Cache-Control": "",
	}
)

var recorded = []exchange{
	{
		name: "create a bucket", as: service, method: "POST", path: "/bucket", header: asJSON, status: 200,
		body:   `{"id":"refs","name":"refs","public":false,"file_size_limit":1000,"allowed_mime_types":["image/png","image/jpeg"]}`,
		answer: `{"name":"refs"}`,
	},
	{
		name: "create it again", as: service, method: "POST", path: "/bucket", header: asJSON, body: `{"name":"refs"}`, status: 400,
		answer: `{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"BucketAlreadyExists"}`,
	},
	{
		name: "get the bucket", as: service, method: "GET", path: "/bucket/refs", status: 200,
		answer: `{"id":"refs","name":"refs","owner":"","public":false,"file_size_limit":1000,` +
			`"allowed_mime_types":["image/png","image/jpeg"],"created_at":"` + timePattern + `","updated_at":"` + timePattern + `"}`,
	},
	{name: "get a missing bucket", as: service, method: "GET", path: "/bucket/nope", status: 400, answer: noSuchBucket},
	{name: "sign an upload", as: service, method: "POST", path: "/object/upload/sign/refs/u1/a.png", status: 200, answer: signedUpload},
	{
		name: "sign an upload as anon", as: anon, method: "POST", path: "/object/upload/sign/refs/u1/a.png", status: 400,
		answer: `{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy","code":"AccessDenied"}`,
	},
	{name: "upload by the URL", method: "PUT", path: "«upload»", header: asPNG, body: content, status: 200, answer: `{"Key":"refs/u1/a.png"}`},
	{name: "upload again", method: "PUT", path: "«upload»", header: asPNG, body: content, status: 400, answer: keyExists},
	{
		name: "sign an upload over it", as: service, method: "POST", path: "/object/upload/sign/refs/u1/a.png", header: upsert,
		status: 200, answer: signedUpload,
	},
	{name: "upload over it", method: "PUT", path: "«upload»", header: asPNG, body: content, status: 200, answer: `{"Key":"refs/u1/a.png"}`},
	{
		name: "sign an upload of what exists", as: service, method: "POST", path: "/object/upload/sign/refs/u1/a.png", status: 400,
		answer: keyExists,
	},
	{name: "sign a big one", as: service, method: "POST", path: "/object/upload/sign/refs/u1/big.png", status: 200, answer: signedUpload},
	{
		name: "upload too much", method: "PUT", path: "«upload»", header: asPNG, body: strings.Repeat("p", 1001), status: 400,
		answer: `{"statusCode":"413","error":"Payload too large","message":"The object exceeded the maximum allowed size","code":"EntityTooLarge"}`,
	},
	{
		name: "upload HTML", method: "PUT", path: "«upload»", header: http.Header{"Content-Type": {"text/html"}}, body: "x", status: 400,
		answer: strings.Replace(unsupportedFmt, "TYPE", "text/html", 1),
	},
	{
		name: "upload JSON", method: "PUT", path: "«upload»", header: asJSON, body: "{}", status: 400,
		answer: strings.Replace(unsupportedFmt, "TYPE", "application/json", 1),
	},
	{
		name: "upload a form that is none", method: "PUT", path: "«upload»", body: "x", status: 400,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		answer: strings.Replace(unsupportedFmt, "TYPE", "application/x-www-form-urlencoded", 1),
	},
	{
		name: "upload to another path", method: "PUT", path: "«upload other»", header: asPNG, body: content, status: 400,
		answer: `{"statusCode":"400","error":"InvalidSignature","message":"Invalid signature","code":"InvalidSignature"}`,
	},
	{
		name: "upload with a forged token", method: "PUT", path: "«upload forged»", header: asPNG, body: content, status: 400,
		answer: `{"statusCode":"400","error":"InvalidJWT","message":"signature verification failed","code":"InvalidJWT"}`,
	},
	{
		name: "upload without a token", method: "PUT", path: "/object/upload/sign/refs/u1/big.png", header: asPNG, body: content, status: 400,
		answer: `{"statusCode":"400","error":"Error","message":"querystring must have required property 'token'","code":"InvalidRequest"}`,
	},
	{name: "upload a form", method: "PUT", path: "«upload»", body: "«form»", status: 200, answer: `{"Key":"refs/u1/big.png"}`},
	{
		name: "info", as: service, method: "GET", path: "/object/info/refs/u1/a.png", status: 200,
		answer: `{"id":"` + uuidPattern + `","name":"u1/a.png","version":"` + uuidPattern + `","bucket_id":"refs","size":73,` +
			`"content_type":"image/png","cache_control":"no-cache","etag":"\"«[0-9a-f]{32}»\"","metadata":{},` +
			`"last_modified":"` + timePattern + `","created_at":"` + timePattern + `"}`,
	},
	{name: "info of a missing one", as: service, method: "GET", path: "/object/info/refs/u1/none.png", status: 400, answer: noSuchKey},
	{name: "head", as: service, method: "HEAD", path: "/object/refs/u1/a.png", status: 200, headers: objects},
	{name: "head of a missing one", as: service, method: "HEAD", path: "/object/refs/u1/none.png", status: 400},
	{name: "get", as: service, method: "GET", path: "/object/refs/u1/a.png", status: 200, answer: content, headers: objects},
	{
		name: "get authenticated", as: service, method: "GET", path: "/object/authenticated/refs/u1/a.png", status: 200, answer: content,
		headers: objects,
	},
	{name: "get a missing one", as: service, method: "GET", path: "/object/refs/u1/none.png", status: 400, answer: noSuchKey},
	{name: "get as anon", as: anon, method: "GET", path: "/object/refs/u1/a.png", status: 400, answer: noSuchKey},
	{name: "get without a key", as: noKey, method: "GET", path: "/object/refs/u1/a.png", status: 400, answer: noSuchBucket},
	{name: "get with a bad JWT", as: "eyJbad", method: "GET", path: "/object/refs/u1/a.png", status: 400, answer: noSuchBucket},
	{name: "get as if public", method: "GET", path: "/object/public/refs/u1/a.png", status: 400, answer: noSuchBucket},
	{
		name: "sign a download", as: service, method: "POST", path: "/object/sign/refs/u1/a.png", header: asJSON, body: `{"expiresIn":60}`,
		status: 200, answer: `{"signedURL":"/object/sign/refs/u1/a.png?token=` + jwtPattern + `"}`,
	},
	{
		name: "sign a download of a missing one", as: service, method: "POST", path: "/object/sign/refs/u1/none.png", header: asJSON,
		body: `{"expiresIn":60}`, status: 400, answer: noSuchKey,
	},
	{name: "download by the URL", method: "GET", path: "«download»", status: 200, answer: content, headers: signedObject},
	{
		name: "download as a file", method: "GET", path: "«download»&download=my.png", status: 200, answer: content,
		headers: map[string]string{"Content-Disposition": "attachment; filename=my.png; filename*=UTF-8''my.png"},
	},
	{
		name: "sign many downloads", as: service, method: "POST", path: "/object/sign/refs", header: asJSON,
		body: `{"expiresIn":60,"paths":["u1/a.png","u1/none.png"]}`, status: 200,
		answer: `[{"error":null,"path":"u1/a.png","signedURL":"/object/sign/refs/u1/a.png?token=` + jwtPattern + `"},` +
			`{"error":"Either the object does not exist or you do not have access to it","path":"u1/none.png","signedURL":null}]`,
	},
	{
		name: "download too late", method: "GET", path: "«download late»", status: 400,
		answer: `{"statusCode":"400","error":"InvalidJWT","message":"\"exp\" claim timestamp check failed","code":"InvalidJWT"}`,
	},
	{
		name: "put with the key", as: service, method: "POST", path: "/object/refs/u1/direct.png", header: asPNG, body: content, status: 200,
		answer: `{"Key":"refs/u1/direct.png","Id":"` + uuidPattern + `"}`,
	},
	{
		name: "put again", as: service, method: "POST", path: "/object/refs/u1/direct.png", header: asPNG, body: content, status: 400,
		answer: keyExists,
	},
	{
		name: "replace", as: service, method: "PUT", path: "/object/refs/u1/direct.png", header: asPNG, body: content, status: 200,
		answer: `{"Key":"refs/u1/direct.png","Id":"` + uuidPattern + `"}`,
	},
	{
		name: "climb", as: service, method: "POST", path: "/object/refs/u1/../x.png", header: asPNG, body: content, status: 400,
		answer: `{"statusCode":"400","error":"InvalidKey","message":"Invalid key: «.*»contains dot path segment","code":"InvalidKey"}`,
	},
	{
		name: "move", as: service, method: "POST", path: "/object/move", header: asJSON, status: 200,
		body:   `{"bucketId":"refs","sourceKey":"u1/direct.png","destinationKey":"u1/moved.png"}`,
		answer: `{"message":"Successfully moved"}`,
	},
	{
		name: "remove many", as: service, method: "DELETE", path: "/object/refs", header: asJSON,
		body: `{"prefixes":["u1/a.png","u1/none.png"]}`, status: 200, answer: `[{"name":"u1/a.png",«.*»}]`,
	},
	{name: "remove a missing one", as: service, method: "DELETE", path: "/object/refs/u1/none.png", status: 400, answer: noSuchKey},
}

// TestServer_answersAsRecorded sends the recorded requests to the fake, in order.
func TestServer_answersAsRecorded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 19, 15, 29, 0, time.UTC)
	fake := supabasefake.New(supabasefake.Config{
		Dir: t.TempDir(), ServiceKey: service, AnonKey: anon, Secret: []byte("thirty-two bytes for an HS256 key"),
		Now: func() time.Time { return now },
	})
	var upload, download string
	for _, e := range recorded {
		path := e.path
		switch path {
		case "«upload»":
			path = upload
		case "«upload other»":
			path = strings.Replace(upload, "big.png", "other.png", 1)
		case "«upload forged»":
			path = upload + "x"
		case "«download»", "«download»&download=my.png":
			path = strings.Replace(path, "«download»", download, 1)
		case "«download late»":
			path, now = download, now.Add(time.Hour)
		}
		header := e.header.Clone()
		if header == nil {
			header = http.Header{}
		}
		body := e.body
		if body == "«form»" {
			body = form(t, header)
		}
		req := httptest.NewRequestWithContext(t.Context(), e.method, supabasefake.Prefix+path, strings.NewReader(body))
		req.Header = header
		if e.as != noKey {
			req.Header.Set("Authorization", "Bearer "+e.as)
		}
		res := httptest.NewRecorder()
		fake.ServeHTTP(res, req)

		require.Equal(t, e.status, res.Code, e.name)
		if e.method != http.MethodHead {
			require.Regexp(t, pattern(e.answer), res.Body.String(), e.name)
		}
		for name, want := range e.headers {
			require.Equal(t, want, res.Header().Get(name), "%s: %s", e.name, name)
		}
		var signed struct{ URL, SignedURL string }
		if json.Unmarshal(res.Body.Bytes(), &signed) == nil {
			upload, download = keep(upload, signed.URL), keep(download, signed.SignedURL)
		}
	}
	require.Len(t, fake.Requests(), len(recorded))
}

func keep(old, found string) string {
	if found == "" {
		return old
	}
	return found
}

// pattern turns an answer into a regular expression that takes the whole body.
func pattern(answer string) *regexp.Regexp {
	var b strings.Builder
	for part := range strings.SplitSeq(answer, "»") {
		literal, variable, _ := strings.Cut(part, "«")
		b.WriteString(regexp.QuoteMeta(literal) + variable)
	}
	return regexp.MustCompile("(?s)^" + b.String() + "$")
}

// form is a picture as a browser's form sends it.
func form(t *testing.T, header http.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="big.png"`}, "Content-Type": {"image/png"},
	})
	require.NoError(t, err)
	_, err = io.WriteString(part, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	header.Set("Content-Type", w.FormDataContentType())
	return b.String()
}
