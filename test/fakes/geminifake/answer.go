package geminifake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// maxBody is the largest request that Gemini accepts, in bytes.
const maxBody = 20_000_000

func read(r *http.Request) (req Request, err error) {
	req.Body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(req.Body) > maxBody {
		return req, fmt.Errorf("read a request of over %d bytes: %w", len(req.Body), err)
	}
	var body requestBody
	if err := json.Unmarshal(req.Body, &body); err != nil {
		return req, fmt.Errorf("decode request: %w", err)
	}
	for _, content := range body.Contents {
		req.Turns = append(req.Turns, content.turn())
	}
	if len(req.Turns) == 0 {
		return req, fmt.Errorf("a request without contents")
	}
	config := body.GenerationConfig
	req.System, req.MaxTokens, req.Seed = body.SystemInstruction.turn().Text, config.MaxOutputTokens, config.Seed
	req.AspectRatio, req.ImageSize = config.ImageConfig.AspectRatio, config.ImageConfig.ImageSize
	req.WantsImage = slices.Contains(config.ResponseModalities, "IMAGE")
	req.WantsJSON = config.ResponseMIMEType == "application/json"
	return req, nil
}

// pause waits, and returns false if the caller hung up meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

type object map[string]any

// failed returns an error in Google's format.
func failed(status int, code string, details []object) object {
	e := object{"code": status, "message": "The fake says " + providertest.BodySecret, "status": code}
	if details != nil {
		e["details"] = details
	}
	return object{"error": e}
}

func refuse(w http.ResponseWriter, status int, code string, details []object) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failed(status, code, details))
}

// errorOf returns a fault as an error of Google's API; the status is 0 for other faults.
func errorOf(fault providertest.Fault) (status int, code string, details []object) {
	switch fault {
	case providertest.TooManyRequests:
		return http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", []object{
			{"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
			{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": fmt.Sprintf("%ds", int(providertest.RetryDelay.Seconds()))},
		}
	case providertest.TooManyRequestsBare:
		return http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", nil
	case providertest.InternalError:
		return http.StatusInternalServerError, "INTERNAL", nil
	case providertest.Unavailable:
		return http.StatusServiceUnavailable, "UNAVAILABLE", nil
	case providertest.BadKey:
		return http.StatusForbidden, "PERMISSION_DENIED", nil
	case providertest.BadRequest:
		return http.StatusBadRequest, "INVALID_ARGUMENT", nil
	case providertest.UnknownModel:
		return http.StatusNotFound, "NOT_FOUND", nil
	default:
		return 0, "", nil
	}
}

func refusal(w http.ResponseWriter, fault providertest.Fault) bool {
	status, code, details := errorOf(fault)
	if status == 0 {
		return false
	}
	refuse(w, status, code, details)
	return true
}

// answer wraps candidates as every successful answer does.
func answer(candidates ...object) object {
	a := object{
		"modelVersion": "fake-1", "responseId": "fake-response-id",
		"usageMetadata": object{"promptTokenCount": 8, "candidatesTokenCount": 1290, "totalTokenCount": 1298},
	}
	if len(candidates) > 0 {
		a["candidates"] = candidates
	}
	return a
}

func candidate(finish string, parts ...object) object {
	c := object{"index": 0, "content": object{"role": "model", "parts": parts}}
	if finish != "" {
		c["finishReason"] = finish
	}
	return c
}

// blocked is the answer to a prompt that the safety filter refuses.
func blocked() object {
	a := answer()
	a["promptFeedback"] = object{"blockReason": "PROHIBITED_CONTENT"}
	return a
}

// whole returns an answer without streaming.
func whole(req Request, reply Reply) object {
	withheld := "SAFETY"
	if req.WantsImage {
		withheld = "IMAGE_SAFETY"
	}
	switch reply.Fault {
	case providertest.BlockedBefore:
		return blocked()
	case providertest.BlockedAfter:
		return answer(object{"index": 0, "finishReason": withheld})
	case providertest.Empty:
		return answer()
	}
	if req.WantsJSON && reply.Pieces == nil {
		reply = Moderated()
	}
	if !req.WantsImage {
		return answer(candidate("STOP", object{"text": strings.Join(reply.pieces(), "")}))
	}
	blob := Blob{MIMEType: "image/png", Data: reply.Image}
	switch {
	case reply.Fault == providertest.WrongType:
		blob = Blob{MIMEType: "text/html", Data: []byte("<html>" + providertest.BodySecret + "</html>")}
	case reply.Fault == providertest.WrongFormat:
		blob.Data = encoded(func(w io.Writer) error { return gif.Encode(w, draw(req), nil) })
	case blob.Data == nil:
		blob.Data = encoded(func(w io.Writer) error { return png.Encode(w, draw(req)) })
	}
	return answer(candidate("STOP", object{"text": "Here is your picture."}, object{"inlineData": blob}))
}

func (r Reply) pieces() []string {
	if r.Pieces == nil {
		return []string{"Here is ", "an idea: ", "more contrast."}
	}
	return r.Pieces
}

// stream answers with server-sent events, as Google does: the last one has the finish reason and the token counts.
func stream(w http.ResponseWriter, r *http.Request, reply Reply) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(o object) bool {
		data, _ := json.Marshal(o)
		_, err := fmt.Fprintf(w, "data: %s\r\n\r\n", data)
		return err == nil && http.NewResponseController(w).Flush() == nil
	}
	switch reply.Fault {
	case providertest.BlockedBefore:
		send(blocked())
		return
	case providertest.Empty:
		send(answer())
		return
	}
	for i, piece := range reply.pieces() {
		if reply.Fault != providertest.None && i >= reply.After {
			break
		}
		if !send(answer(candidate("", object{"text": piece}))) || !pause(r, reply.Delay) {
			return
		}
	}
	if status, code, details := errorOf(reply.Fault); status != 0 {
		send(failed(status, code, details))
		return
	}
	switch reply.Fault {
	case providertest.None, providertest.Slow:
		send(answer(candidate("STOP", object{"text": ""})))
	case providertest.BlockedAfter:
		send(answer(object{"index": 0, "finishReason": "SAFETY"}))
	case providertest.Hang:
		<-r.Context().Done()
	case providertest.Malformed:
		_, _ = fmt.Fprintf(w, "data: {\"candidates\":[{\"%s\r\n\r\n", providertest.BodySecret)
	case providertest.Reset:
		panic(http.ErrAbortHandler) // the connection breaks
	}
}

// draw makes a picture of the requested aspect ratio at an eighth of the real size, with a colour that depends on the seed.
func draw(req Request) image.Image {
	width, height := 16, 9
	_, _ = fmt.Sscanf(req.AspectRatio, "%d:%d", &width, &height)
	long := map[string]int{"2K": 344, "4K": 688}[req.ImageSize]
	if long == 0 {
		long = 172
	}
	longer := max(width, height)
	palette := color.Palette{color.RGBA{uint8(req.Seed * 37), uint8(req.Seed * 91), 160, 255}}
	return image.NewPaletted(image.Rect(0, 0, width*long/longer, height*long/longer), palette)
}

func encoded(by func(io.Writer) error) []byte {
	var out bytes.Buffer
	if err := by(&out); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}
