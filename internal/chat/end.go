package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// besides is what a reply says whose vendor gave a suggestion and no words.
const besides = "Here is a draft that you can start from."

// complete ends a reply with what was written, whether or not that is all that there was to say.
func (r *Replier) complete(ctx context.Context, w *writer) error {
	w.finish()
	suggestion := r.suggestion(ctx, w)
	if len(w.text) == 0 && suggestion != nil {
		w.text = []byte(besides)
	}
	return r.end(ctx, w, complete, suggestion, failure{})
}

// suggestion is the draft that came with a reply, or nil where none came that the creator could use as it is.
func (r *Replier) suggestion(ctx context.Context, w *writer) json.RawMessage {
	draft := strings.TrimSpace(w.fence.last)
	if draft == "" || w.reply.UserID == nil {
		return nil
	}
	checked, err := r.Check(ctx, *w.reply.UserID, []byte(draft))
	if err != nil {
		r.Log.InfoContext(ctx, "suggestion left out", "message_id", w.reply.ID, "error", err)
		return nil
	}
	return checked
}

// giveUpOrRetry ends or repeats a reply whose attempt failed, by what the failure is worth.
func (r *Replier) giveUpOrRetry(ctx context.Context, w *writer, attemptErr error) error {
	v := judge(attemptErr)
	again := v.held || v.retry && w.reply.Attempt < MaxAttempts
	level, message := slog.LevelWarn, "attempt failed"
	if !again && v.failure.code != failContentBlocked { // what was refused is its creator's
		level, message = slog.LevelError, "reply given up"
	}
	r.Log.Log(ctx, level, message, "message_id", w.reply.ID, "attempt", w.reply.Attempt, "code", v.failure.code,
		"retry", again, "error", attemptErr)
	delay := max(v.after, r.Backoff(w.reply.Attempt))
	switch {
	case v.held:
		return r.putBack(ctx, w, v.failure, delay, Released)
	case again:
		return r.putBack(ctx, w, v.failure, delay, Retried)
	}
	return r.end(ctx, w, failed, nil, v.failure)
}

// end writes the end of a reply. If the lease was lost nothing is written.
func (r *Replier) end(ctx context.Context, w *writer, status string, suggestion json.RawMessage, why failure) error {
	params := db.ReplyEndParams{
		ID: w.reply.ID, LeaseToken: w.reply.LeaseToken, Status: status, Content: string(w.text), Suggestion: suggestion,
	}
	if why.code != "" {
		params.ErrorCode, params.ErrorMessage = &why.code, &why.message
	}
	as := Succeeded
	if status == failed {
		as = Failed
	}
	return r.settle(ctx, w, as, func() (db.Message, error) { return r.Store.Queries().ReplyEnd(ctx, params) })
}

// putBack lets another attempt begin. Released: this one does not count, since its end was our own doing.
func (r *Replier) putBack(ctx context.Context, w *writer, why failure, delay time.Duration, as Outcome) error {
	params := db.ReplyPutBackParams{
		ID: w.reply.ID, LeaseToken: w.reply.LeaseToken, Content: string(w.text), DelaySeconds: delay.Seconds(),
		Released: as == Released,
	}
	if why.code != "" {
		params.ErrorCode, params.ErrorMessage = &why.code, &why.message
	}
	return r.settle(ctx, w, as, func() (db.Message, error) { return r.Store.Queries().ReplyPutBack(ctx, params) })
}

// settle writes the end of an attempt, repeated while Postgres is away for a moment, and announces it. The write is
// fenced, so that a repeat after a lost answer finds no row.
func (r *Replier) settle(ctx context.Context, w *writer, as Outcome, write func() (db.Message, error)) error {
	defer func() { w.ended(ctx, as) }()
	var row db.Message
	err := postgres.Persist(ctx, func() (err error) {
		row, err = write()
		return err
	})
	switch {
	case postgres.IsNotFound(err):
		as = Lost
		return nil
	case err != nil:
		as = Unwritten
		return fmt.Errorf("end attempt: %w", err)
	}
	r.publish(ctx, w.reply, event{Messages: []Message{messageOf(row)}})
	return nil
}
