package providers

import (
	"context"

	"github.com/google/uuid"
)

// Text writes replies of the chat. Reply hands the text to emit piece by piece, in order, as the vendor writes it; no
// piece is empty, and none ends within a character. A vendor's failure is an *Error; the end of ctx and emit's errors
// come back wrapped as they are. ctx carries the deadline, and a cancelled ctx aborts the vendor's call.
type Text interface {
	Reply(ctx context.Context, req TextRequest, emit func(piece string) error) (Meta, error)
}

// TextRequest is one reply to write, without anything that a vendor need not know.
type TextRequest struct {
	MessageID uuid.UUID // of the reply; stable over retries
	Model     string    // the vendor's own model id
	System    string    // the system instruction: what the assistant is for
	Turns     []Turn    // oldest first; the last one is the creator's
	MaxTokens int       // of the reply
}

// Turn is what one side has said.
type Turn struct {
	FromCreator bool // otherwise it is an earlier reply
	Text        string
}
