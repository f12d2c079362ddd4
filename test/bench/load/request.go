package load

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Vars are the variables of a virtual user, with which requests are filled in.
type Vars = map[string]string

// Request is a template. ${name} is a variable of the user; ${name|prefix} is the prefix and the value, or nothing while
// the variable is empty; ${nonce} is a number that no other request of this program has.
type Request struct {
	Method, Path string
	Headers      []string // each a whole line without its end
	Body         string
	Expect       int               // the status of a success
	Capture      map[string]string // variable to the JSON member whose first value it takes, for the user's next request
}

var nonces atomic.Int64

// render fills the template in. It writes the request as text: net/http's client would cost several times as much, on
// the very cores that the servers under test share.
func (r Request) render(host string, vars Vars) string {
	fill := func(name string) string {
		name, prefix, _ := strings.Cut(name, "|")
		switch {
		case name == "nonce":
			return strconv.FormatInt(nonces.Add(1), 10)
		case vars[name] == "":
			return ""
		default:
			return prefix + vars[name]
		}
	}
	body := os.Expand(r.Body, fill)
	var head strings.Builder
	head.WriteString(r.Method + " " + os.Expand(r.Path, fill) + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n")
	for _, header := range r.Headers {
		head.WriteString(os.Expand(header, fill) + "\r\n")
	}
	head.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	return head.String() + body
}

// member returns the first value of a member in JSON: a string without escapes or a number, or "" if it is null or missing.
func member(body []byte, name string) string {
	_, rest, _ := strings.Cut(string(body), `"`+name+`":`)
	end := strings.IndexAny(rest, ",}]\n")
	if end < 0 {
		return ""
	}
	value := strings.TrimSpace(rest[:end])
	if value == "null" {
		return ""
	}
	return strings.Trim(value, `"`)
}
