package falfake

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// strikes answers the n-th request with the fault if the fault occurs in this stage.
func (s *Server) strikes(w http.ResponseWriter, r *http.Request, stage Stage, n int) bool {
	at := s.At
	if at == "" {
		at = usual(s.fault)
	}
	if n <= s.good || stage != at {
		return false
	}
	return s.fault.Serve(w, r) || fail(w, s.fault)
}

// usual returns the stage in which a fault usually occurs: the queue refuses a submission, the model reports a failure, or the
// file is wrong.
func usual(fault providertest.Fault) Stage {
	switch fault {
	case providertest.TooManyRequests, providertest.TooManyRequestsBare, providertest.BadKey, providertest.BadRequest,
		providertest.UnknownModel, providertest.InternalError, providertest.Unavailable:
		return Submit
	case providertest.WrongType, providertest.WrongFormat, providertest.ExpiredURL:
		return File
	default:
		return Result
	}
}

// fail answers with the faults for which this vendor has a format of its own.
func fail(w http.ResponseWriter, fault providertest.Fault) bool {
	switch fault {
	case providertest.TooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(providertest.RetryDelay.Seconds())))
		machinery(w, http.StatusTooManyRequests, "")
	case providertest.TooManyRequestsBare:
		machinery(w, http.StatusTooManyRequests, "")
	case providertest.InternalError:
		w.Header().Set("X-Fal-Error-Type", "internal_error")
		machinery(w, http.StatusInternalServerError, "internal_error")
	case providertest.Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<html>" + providertest.BodySecret + "</html>"))
	case providertest.BadKey:
		machinery(w, http.StatusUnauthorized, "")
	case providertest.BadRequest:
		w.Header().Set("X-Fal-Retryable", "false")
		model(w, http.StatusUnprocessableEntity, "value_error")
	case providertest.UnknownModel:
		machinery(w, http.StatusNotFound, "")
	case providertest.BlockedBefore:
		w.Header().Set("X-Fal-Retryable", "false")
		model(w, http.StatusUnprocessableEntity, "content_policy_violation")
	case providertest.Empty:
		write(w, http.StatusOK, map[string]any{"images": []any{}, "has_nsfw_concepts": []bool{}})
	case providertest.WrongType:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>" + providertest.BodySecret + "</html>"))
	case providertest.WrongFormat:
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"))
	case providertest.ExpiredURL:
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(providertest.BodySecret))
	default:
		return false
	}
	return true
}

// machinery answers with an error of fal's queue.
func machinery(w http.ResponseWriter, status int, kind string) {
	body := map[string]any{"detail": providertest.BodySecret}
	if kind != "" {
		body["error_type"] = kind
	}
	write(w, status, body)
}

// model answers with an error of the model.
func model(w http.ResponseWriter, status int, kind string) {
	write(w, status, map[string]any{"detail": []any{map[string]any{
		"loc": []string{"body", "prompt"}, "msg": providertest.BodySecret, "type": kind, "url": "https://docs.fal.ai/errors/#" + kind,
		"input": providertest.PromptSecret,
	}}})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
