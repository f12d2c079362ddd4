// Package geminifake provides a fake Gemini API in its real format: generateContent with pictures and text, and
// streamGenerateContent as server-sent events. A test sets the answer of each request with [Fake.Answer].
package geminifake

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// Request is a request that the fake received, decoded.
type Request struct {
	Number      int // of all requests that the fake has seen, from 1
	Model       string
	Stream      bool
	Key         string
	System      string
	Turns       []Turn
	AspectRatio string // of the picture that is wanted
	ImageSize   string
	WantsImage  bool
	WantsJSON   bool
	Seed        int32
	MaxTokens   int32
	Body        []byte // as it was sent
}

// Turn is one element of a request's contents: one turn of the conversation.
type Turn struct {
	Role   string // user or model
	Text   string // of all its parts
	Images []Blob
}

// Blob is a picture within a request.
type Blob struct {
	MIMEType string `json:"mimeType"`
	Data     []byte `json:"data"`
}

// Prompt returns the text of the last turn.
func (r Request) Prompt() string {
	if len(r.Turns) == 0 {
		return ""
	}
	return r.Turns[len(r.Turns)-1].Text
}

// Reply describes an answer. The zero value is a success: one picture, or a short text.
type Reply struct {
	Fault  providertest.Fault
	Pieces []string      // of a text; one event each in a stream. nil: some
	After  int           // pieces that a stream gives before Fault
	Delay  time.Duration // before the answer begins, and between the pieces of a stream
	Image  []byte        // in place of a drawn one
}

// Fake is a server. It is safe for concurrent use.
type Fake struct {
	URL string // for GEMINI_BASE_URL

	mu       sync.Mutex
	answer   func(Request) Reply
	requests []Request
}

// New starts a fake that answers every request with success. It ends with the test.
func New(t testing.TB) *Fake {
	t.Helper()
	f := &Fake{answer: func(Request) Reply { return Reply{} }}
	server := httptest.NewServer(f)
	f.URL = server.URL
	t.Cleanup(server.Close)
	return f
}

// Answer sets how requests are answered from now on.
func (f *Fake) Answer(by func(Request) Reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = by
}

// Fail lets the next good requests succeed and answers all later ones with a fault.
func (f *Fake) Fail(fault providertest.Fault, good int) {
	var mu sync.Mutex
	f.Answer(func(Request) Reply {
		mu.Lock()
		defer mu.Unlock()
		if good--; good >= 0 {
			return Reply{}
		}
		return Reply{Fault: fault}
	})
}

// Requests returns the requests so far.
func (f *Fake) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

var route = regexp.MustCompile(`^/v1beta/models/([A-Za-z0-9._-]+):(generateContent|streamGenerateContent)$`)

// ServeHTTP implements http.Handler.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := route.FindStringSubmatch(r.URL.Path)
	if match == nil || r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound, "NOT_FOUND", nil)
		return
	}
	if r.Header.Get("X-Goog-Api-Key") == "" {
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", nil)
		return
	}
	req, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", nil)
		return
	}
	req.Model, req.Stream, req.Key = match[1], match[2] == "streamGenerateContent", r.Header.Get("X-Goog-Api-Key")
	f.mu.Lock()
	req.Number = len(f.requests) + 1
	f.requests = append(f.requests, req)
	answer := f.answer
	f.mu.Unlock()

	reply := answer(req)
	if !pause(r, reply.Delay) {
		return
	}
	switch {
	case req.Stream && reply.After > 0:
		stream(w, r, reply)
	case reply.Fault.Serve(w, r):
	case refusal(w, reply.Fault):
	case req.Stream:
		stream(w, r, reply)
	default:
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(whole(req, reply))
	}
}

// requestBody is the part of a request's body that the fake uses.
type requestBody struct {
	Contents          []content `json:"contents"`
	SystemInstruction content   `json:"systemInstruction"`
	GenerationConfig  struct {
		MaxOutputTokens    int32    `json:"maxOutputTokens"`
		ResponseModalities []string `json:"responseModalities"`
		ResponseMIMEType   string   `json:"responseMimeType"`
		Seed               int32    `json:"seed"`
		ImageConfig        struct {
			AspectRatio string `json:"aspectRatio"`
			ImageSize   string `json:"imageSize"`
		} `json:"imageConfig"`
	} `json:"generationConfig"`
}

type content struct {
	Role  string `json:"role"`
	Parts []struct {
		Text       string `json:"text"`
		InlineData *Blob  `json:"inlineData"`
	} `json:"parts"`
}

func (c content) turn() Turn {
	turn := Turn{Role: c.Role}
	var texts []string
	for _, part := range c.Parts {
		if part.Text != "" {
			texts = append(texts, part.Text)
		}
		if part.InlineData != nil {
			turn.Images = append(turn.Images, *part.InlineData)
		}
	}
	turn.Text = strings.Join(texts, "\n")
	return turn
}
