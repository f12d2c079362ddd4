package chat

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// maxReplyBytes bounds a reply, whatever a vendor sends: about three times the longest message of a creator in ASCII.
const maxReplyBytes = 24 << 10

// errFull ends the vendor's call when a reply is as long as it may get.
var errFull = errors.New("chat: the reply is long enough")

// writer is the text of one attempt on its way to the row and to readers. One goroutine owns it.
//
// Each publication begins at or before what is known to be in the row, and ends with all that there is. So a reader that
// joins between two persists, or missed any number of events, finds in the row what lies before the next publication.
type writer struct {
	r          *Replier
	reply      db.Message
	suggestion extractor

	visible     []byte // the text so far, without suggestions
	persisted   int    // bytes of it known to be in the row
	published   int    // bytes of it that readers have heard of
	persistedAt time.Time
}

func newWriter(r *Replier, reply db.Message) *writer {
	return &writer{r: r, reply: reply, persistedAt: time.Now()}
}

// add takes a piece as the vendor wrote it, and extracts the suggestion, which readers do not see.
func (f *writer) add(piece string) error {
	// Postgres stores no U+0000 and JSON no broken UTF-8; offsets count what both of them hold.
	piece = strings.ReplaceAll(strings.ToValidUTF8(piece, "\uFFFD"), "\x00", "")
	visible := f.suggestion.take(piece)
	if len(f.visible)+len(visible) > maxReplyBytes {
		return errFull
	}
	f.visible = append(f.visible, visible...)
	return nil
}

// finish takes what was kept back because a suggestion might have begun with it. It may be called again.
func (f *writer) finish() {
	f.visible = append(f.visible, f.suggestion.finish()...)
}

// dirty tells whether there is text that readers have not heard of, or that the row does not have.
func (f *writer) dirty() bool { return f.published < len(f.visible) || f.persisted < len(f.visible) }

// flush persists what is due and publishes what is new. It fails with [task.ErrLeaseLost]; the next flush makes good any
// other failure.
func (f *writer) flush(ctx context.Context) error {
	if ahead := len(f.visible) - f.persisted; ahead >= f.r.PersistBytes || ahead > 0 && time.Since(f.persistedAt) >= f.r.PersistEvery {
		if err := f.persist(ctx); err != nil {
			return err
		}
	}
	if f.published == len(f.visible) {
		return nil
	}
	from := min(f.published, f.persisted)
	if f.r.publish(ctx, f.reply, event{Delta: &delta{
		ID: f.reply.ID, Seq: f.reply.Seq, Token: f.reply.LeaseToken, From: from, Text: string(f.visible[from:]),
	}}) {
		f.published = len(f.visible)
	}
	return nil
}

func (f *writer) persist(ctx context.Context) error {
	f.persistedAt = time.Now() // also after a failure: Postgres is not asked again at once
	rows, err := f.r.Store.Queries().ReplyPersist(ctx, db.ReplyPersistParams{
		ID: f.reply.ID, LeaseToken: f.reply.LeaseToken, Content: string(f.visible),
	})
	switch {
	case err != nil && ctx.Err() == nil:
		f.r.Log.WarnContext(ctx, "text of a reply not persisted yet", "message_id", f.reply.ID, "error", err)
	case err == nil && rows == 0:
		return task.ErrLeaseLost
	case err == nil:
		f.persisted = len(f.visible)
	}
	return nil
}
