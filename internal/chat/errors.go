package chat

import (
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/plaintext"
)

// The failures of this package.
var (
	// ErrNotFound says that there is no such chat, or that it belongs to another account.
	ErrNotFound = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such chat.")
	// ErrNoReply says that the chat has no such reply.
	ErrNoReply = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such reply.")
	// ErrNotFailed says that a reply can't be written anew, because it is complete.
	ErrNotFailed = apperr.New(apperr.Conflict, apperr.CodeVersionConflict,
		"This reply has not failed. Read it again.")
	// ErrTooManyReplies says that the account has to wait until one of its replies has been written.
	ErrTooManyReplies = apperr.New(apperr.RateLimited, apperr.CodeRateLimited,
		"Wait until the assistant has answered what you asked before.").WithRetryAfter(2 * time.Second)
	// ErrNoRepliesLeft says that the account has used up its replies of the day.
	ErrNoRepliesLeft = apperr.New(apperr.RateLimited, apperr.CodeRateLimited,
		"You have used the assistant as often as your plan allows in a day.")
)

// errNoProject says that a chat can't be about a project that is not the account's.
func errNoProject() error {
	return apperr.Validation(apperr.Body("project_id", "not_found", "You have no project with this id."))
}

// checkName fails for a name with characters that must not be shown. A chat may have none.
func checkName(name string) error {
	if plaintext.HasControl(name) {
		return apperr.Validation(apperr.Body("session_name", plaintext.CodeControl, "Leave out characters that can't be seen."))
	}
	if name != "" && plaintext.Line(name) != "" {
		return apperr.Validation(apperr.Body("session_name", plaintext.CodeBlank, "The name must have a visible character."))
	}
	return nil
}

// checkContent fails for a message that shows nothing, or that has characters that must not be shown.
func checkContent(content string) error {
	switch code := plaintext.Lines(content); code {
	case "":
		return nil
	case plaintext.CodeBlank:
		return apperr.Validation(apperr.Body("content", code, "The message must have a visible character."))
	default:
		return apperr.Validation(apperr.Body("content", code, "Leave out characters that can't be seen."))
	}
}

// Failure codes of a reply, as its owner sees them. They are the MessageErrorCode enum of api/openapi.yaml.
const (
	failContentBlocked   = "content_blocked"
	failModelUnavailable = "model_unavailable"
	failProviderFailed   = "provider_failed"
	failProviderBusy     = "provider_busy"
	failWorkerLost       = "worker_lost"
	failInternal         = "internal"
)
