package gemini

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/genai"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// failure says what an error of the library is. ctx is the caller's: its end is not the vendor's failure, that of a
// call's own time-out is.
func failure(ctx context.Context, err error) error {
	answer, ok := errors.AsType[genai.APIError](err)
	if !ok || ctx.Err() != nil {
		return transport.Failure(ctx, Name, err)
	}
	out := &providers.Error{
		Provider: Name, Class: transport.ClassOf(answer.Code), Reason: answer.Status, RetryAfter: retryDelay(answer.Details),
		Cause: fmt.Errorf("answered with status %d", answer.Code), Ours: ours(answer),
	}
	if answer.Code == 0 {
		out.Class = providers.Transient
	}
	if !code.MatchString(out.Reason) { // where no JSON came the library puts words there
		out.Reason = fmt.Sprintf("http_%d", answer.Code)
	}
	return out
}

// ours tells whether Gemini refuses us rather than what was asked. A wrong key is a 400 like a bad request, and told from it
// by google.rpc.ErrorInfo; FAILED_PRECONDITION is a bill that is not paid, or a country that is not served.
func ours(answer genai.APIError) bool {
	for _, detail := range answer.Details {
		if reason, _ := detail["reason"].(string); strings.HasPrefix(reason, "API_KEY_") {
			return true
		}
	}
	return transport.Ours(answer.Code) || answer.Status == "FAILED_PRECONDITION"
}

// code is what Google's own codes look like.
var code = regexp.MustCompile(`^[A-Z][A-Z_]{1,40}$`)

// retryDelay reads google.rpc.RetryInfo, which not every refusal has.
func retryDelay(details []map[string]any) time.Duration {
	for _, detail := range details {
		if detail["@type"] != "type.googleapis.com/google.rpc.RetryInfo" {
			continue
		}
		text, _ := detail["retryDelay"].(string)
		if delay, err := time.ParseDuration(text); err == nil {
			return max(0, delay)
		}
	}
	return 0
}

func refused(class providers.Class, reason, cause string) error {
	return &providers.Error{Provider: Name, Class: class, Reason: reason, Cause: errors.New(cause)}
}

// blockedPrompt finds out whether safety refused what was asked. Such an answer has status 200 and no candidates.
func blockedPrompt(answer *genai.GenerateContentResponse) error {
	if f := answer.PromptFeedback; f != nil && f.BlockReason != "" && f.BlockReason != genai.BlockedReasonUnspecified {
		return refused(providers.Blocked, shown(string(f.BlockReason)), "the prompt was refused")
	}
	return nil
}

// blockedAnswer finds out whether safety withheld what was made.
func blockedAnswer(reason genai.FinishReason) error {
	switch reason {
	case genai.FinishReasonSafety, genai.FinishReasonRecitation, genai.FinishReasonBlocklist,
		genai.FinishReasonProhibitedContent, genai.FinishReasonSPII, genai.FinishReasonImageSafety,
		genai.FinishReasonImageProhibitedContent, genai.FinishReasonImageRecitation:
		return refused(providers.Blocked, string(reason), "the answer was withheld")
	case genai.FinishReasonLanguage:
		return refused(providers.Permanent, string(reason), "the language is not supported")
	default:
		return nil
	}
}

// shown keeps a code, and nothing else that a vendor may send in its place.
func shown(reason string) string {
	if code.MatchString(reason) {
		return reason
	}
	return "unknown"
}

// guarded calls the library, which takes answers of an unexpected form for granted and panics.
func guarded(call func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the client library panicked")
		}
	}()
	return call()
}
