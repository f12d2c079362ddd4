package chat

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// draftOnly is the text of a reply whose vendor gave a suggestion and no words.
const draftOnly = "Here is a draft that you can start from."

// Complete implements [task.Attempt]: the reply ends with what was written, whether or not the vendor had more to say.
func (a *attempt) Complete(ctx context.Context) (task.Outcome, error) {
	a.text.finish()
	suggestion := a.checkedSuggestion(ctx)
	if len(a.text.visible) == 0 && suggestion != nil {
		a.text.visible = []byte(draftOnly)
	}
	return task.Succeeded, a.end(ctx, db.ReplyEndParams{Status: complete, Suggestion: suggestion})
}

// Fail implements [task.Attempt].
func (a *attempt) Fail(ctx context.Context, why task.Decision) error {
	return a.end(ctx, db.ReplyEndParams{Status: failed, ErrorCode: &why.Code, ErrorMessage: &why.Message})
}

func (a *attempt) end(ctx context.Context, params db.ReplyEndParams) error {
	params.ID, params.LeaseToken, params.Content = a.reply.ID, a.reply.LeaseToken, string(a.text.visible)
	row, err := a.replier.Store.Queries().ReplyEnd(ctx, params)
	return a.announced(ctx, row, err)
}

// Retry implements [task.Attempt]: another attempt begins later, with an empty text.
func (a *attempt) Retry(ctx context.Context, how task.Retry) error {
	params := db.ReplyPutBackParams{
		ID: a.reply.ID, LeaseToken: a.reply.LeaseToken, Content: string(a.text.visible), DelaySeconds: how.Delay.Seconds(),
		Released: how.Released,
	}
	if how.Code != "" {
		params.ErrorCode, params.ErrorMessage = &how.Code, &how.Message
	}
	row, err := a.replier.Store.Queries().ReplyPutBack(ctx, params)
	return a.announced(ctx, row, err)
}

// announced publishes a row that was written.
func (a *attempt) announced(ctx context.Context, row db.Message, err error) error {
	if err != nil {
		return err
	}
	a.replier.publish(ctx, a.reply, event{Messages: []Message{messageOf(row)}})
	return nil
}

// Abandon implements [task.Attempt]. The reply's text is its new worker's, or gone with its chat.
func (*attempt) Abandon(context.Context) {}

// checkedSuggestion returns the draft that came with the reply, or nil where none came that the creator could use as it is.
func (a *attempt) checkedSuggestion(ctx context.Context) json.RawMessage {
	draft := strings.TrimSpace(a.text.suggestion.block)
	if draft == "" || a.reply.UserID == nil {
		return nil
	}
	checked, err := a.replier.Check(ctx, *a.reply.UserID, []byte(draft))
	if err != nil {
		a.replier.Log.InfoContext(ctx, "suggestion left out", "message_id", a.reply.ID, "error", err)
		return nil
	}
	return checked
}
