package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

var (
	// errStopped is the cause of the end of an attempt whose reply its creator has stopped.
	errStopped = errors.New("chat: stopped")
	// errNoProvider says that no text provider is set up.
	errNoProvider = errors.New("chat: no text provider")
	// errEmpty says that the vendor answered without a word.
	errEmpty = errors.New("chat: an empty reply")
)

// attempt is a claimed reply. It implements [task.Attempt].
type attempt struct {
	replier *Replier
	reply   db.Message
	text    *writer
}

var _ task.Attempt = (*attempt)(nil)

// Row implements [task.Attempt].
func (a *attempt) Row() task.Row {
	return task.Row{
		Name: tracecontext.MessageID, ID: a.reply.ID, Noun: "reply", UserID: a.reply.UserID, Attempt: a.reply.Attempt,
		Origin:  tracecontext.Origin{RequestID: a.reply.RequestID, Traceparent: a.reply.Traceparent},
		Control: controlTopic(a.reply.ID),
	}
}

// Renew implements [task.Attempt].
func (a *attempt) Renew(ctx context.Context) (ours bool, err error) {
	rows, err := a.replier.Store.Queries().ReplyRenew(ctx, db.ReplyRenewParams{
		ID: a.reply.ID, LeaseToken: a.reply.LeaseToken, LeaseSeconds: a.replier.Lease.Seconds(),
	})
	return rows == 1, err
}

// Handle implements [task.Attempt]: the attempt ends with errStopped when the creator stops the reply.
func (a *attempt) Handle(message []byte) error {
	var m controlMessage
	if json.Unmarshal(message, &m) == nil && m.Stop == a.reply.LeaseToken {
		return errStopped
	}
	return nil
}

// Work implements [task.Attempt]: the vendor writes the reply. A reply that is full, or that its creator has stopped, is
// complete with what was written.
func (a *attempt) Work(ctx context.Context) error {
	a.replier.publish(ctx, a.reply, event{Messages: []Message{messageOf(a.reply)}})
	err := a.write(ctx)
	if errors.Is(err, errFull) || err != nil && errors.Is(context.Cause(ctx), errStopped) {
		return nil
	}
	return err
}

// pieceBuffer is how many pieces a vendor may be ahead of the row and the readers.
const pieceBuffer = 64

// write has the vendor write the reply, while the pieces that come go to the row and to readers.
func (a *attempt) write(ctx context.Context) error {
	if a.replier.Text == nil {
		return errNoProvider
	}
	req, err := a.replier.brief(ctx, a.reply)
	if err != nil {
		return err
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	pieces, ended := make(chan string, pieceBuffer), make(chan error, 1)
	go func() {
		err := a.callVendor(ctx, req, pieces)
		close(pieces)
		ended <- err
	}()
	err = a.relay(ctx, pieces)
	if err != nil {
		abort(err)
		for range pieces { // until the vendor's call has ended; its own error follows from this one
		}
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	a.text.finish()
	if len(a.text.visible) == 0 && a.text.suggestion.block == "" {
		return errEmpty
	}
	return nil
}

// callVendor hands on what the vendor writes. It runs in a goroutine of its own, so it makes an error of a panic itself.
func (a *attempt) callVendor(ctx context.Context, req providers.TextRequest, pieces chan<- string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write reply: %w", apperr.Panicked(p))
			a.replier.Log.ErrorContext(ctx, "panic in a task", "message_id", req.MessageID, "error", err,
				"stack", string(debug.Stack()))
		}
	}()
	_, err = a.replier.Text.Reply(ctx, req, func(piece string) error {
		select {
		case pieces <- piece:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// relay gathers pieces and flushes them, until there are no more. What the last flush did not reach goes with the end.
func (a *attempt) relay(ctx context.Context, pieces <-chan string) error {
	timer := time.NewTimer(a.replier.PublishEvery)
	defer timer.Stop()
	timer.Stop()
	armed := false
	for {
		select {
		case piece, more := <-pieces:
			if !more {
				return nil
			}
			if err := a.text.add(piece); err != nil {
				return err
			}
			if !armed && a.text.dirty() {
				timer.Reset(a.replier.PublishEvery)
				armed = true
			}
		case <-timer.C:
			armed = false
			if err := a.text.flush(ctx); err != nil {
				return err
			}
			if a.text.dirty() { // not due to be persisted yet, or not published for some reason
				timer.Reset(a.replier.PublishEvery)
				armed = true
			}
		}
	}
}

// publish announces to readers, and returns whether it could.
func (r *Replier) publish(ctx context.Context, reply db.Message, what event) bool {
	payload, err := json.Marshal(what)
	if err == nil {
		err = r.Events.Publish(ctx, topic(reply.ChatID), payload)
	}
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "chat event not published", "message_id", reply.ID, "error", err)
	}
	return err == nil
}
