// Package fastjson writes answers of JSON without reflection, for the few operations where encoding/json took more time than
// the work. What is written this way is byte for byte what encoding/json writes, which tests hold it to.
package fastjson

import (
	"net/http"
	"strconv"
	"sync"
)

// maxShortBody is the length of a body that net/http holds back until the handler is done, and then writes with its length
// by itself (net/http, bufferBeforeChunkingSize). Eight headers take less than half of the room of nine.
const maxShortBody = 2048

// contentType is shared by all answers: nothing may write into it.
var contentType = []string{"application/json"} //nolint:gochecknoglobals // a constant, but for the language

// bodies are shared by all answers: a page of messages takes some 25 kB, which would be most of what the garbage collector has
// to clear away.
var bodies = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // a pool of one body would be none

// Appender is a type that writes its own JSON, generated from a schema that is marked with x-append-json.
type Appender interface {
	// AppendJSON appends to b what encoding/json makes of the value.
	AppendJSON(b []byte) ([]byte, error)
}

// Write answers with a body as json.Encoder would, in one write. It answers nothing if the body can't be written.
func Write(w http.ResponseWriter, status int, body Appender) error {
	buffer := bodies.Get().(*[]byte)
	defer bodies.Put(buffer)
	b, err := body.AppendJSON((*buffer)[:0])
	if err != nil {
		return err
	}
	b = append(b, '\n')
	*buffer = b
	h := w.Header()
	h["Content-Type"] = contentType
	if len(b) > maxShortBody {
		h["Content-Length"] = []string{strconv.Itoa(len(b))}
	}
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}
