package chat

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/lease"
)

// maxReplyBytes bounds a reply, whatever a vendor sends: about three times the longest message of a creator in ASCII.
const maxReplyBytes = 24 << 10

// errFull ends the vendor's call when a reply is as long as it may get.
var errFull = errors.New("chat: the reply is long enough")

// writer is the text of one attempt on its way to the row and to readers. One goroutine owns it.
//
// Each publication begins at or before what is known to be in the row, and ends with all that there is. So a reader that
// joins between two persists, or missed any number of events, finds in the row whatever lies before the next one.
type writer struct {
	r     *Replier
	reply db.Message
	fence fence
	begun time.Time
	as    Outcome // what came of it; empty: it goes on

	text        []byte
	persisted   int // bytes known to be in the row
	published   int // bytes that readers were told of
	persistedAt time.Time
}

func newWriter(r *Replier, reply db.Message) *writer {
	now := time.Now()
	return &writer{r: r, reply: reply, begun: now, persistedAt: now}
}

// ended notes what came of the attempt, and tells who observes.
func (w *writer) ended(ctx context.Context, as Outcome) {
	w.as = as
	w.r.Observe(ctx, as, time.Since(w.begun))
}

// add takes a piece as the vendor wrote it; what is not meant for the reader's eyes goes elsewhere.
func (w *writer) add(piece string) error {
	// Postgres stores no U+0000 and JSON no broken UTF-8; offsets count what both of them hold.
	piece = strings.ReplaceAll(strings.ToValidUTF8(piece, "\uFFFD"), "\x00", "")
	visible := w.fence.take(piece)
	if len(w.text)+len(visible) > maxReplyBytes {
		return errFull
	}
	w.text = append(w.text, visible...)
	return nil
}

// finish takes what was held back in case a suggestion began with it.
func (w *writer) finish() {
	w.text = append(w.text, w.fence.finish()...)
}

// dirty tells whether there is anything that readers were not told of, or that the row does not have.
func (w *writer) dirty() bool { return w.published < len(w.text) || w.persisted < len(w.text) }

// flush persists what is due and publishes what is new. It fails with lease.ErrLost, and else is made good by the next.
func (w *writer) flush(ctx context.Context) error {
	if ahead := len(w.text) - w.persisted; ahead >= w.r.PersistBytes || ahead > 0 && time.Since(w.persistedAt) >= w.r.PersistEvery {
		if err := w.persist(ctx); err != nil {
			return err
		}
	}
	if w.published == len(w.text) {
		return nil
	}
	from := min(w.published, w.persisted)
	if w.r.publish(ctx, w.reply, event{Delta: &delta{
		ID: w.reply.ID, Seq: w.reply.Seq, Token: w.reply.LeaseToken, From: from, Text: string(w.text[from:]),
	}}) {
		w.published = len(w.text)
	}
	return nil
}

func (w *writer) persist(ctx context.Context) error {
	w.persistedAt = time.Now() // also after a failure: Postgres is not asked again at once
	rows, err := w.r.Store.Queries().ReplyPersist(ctx, db.ReplyPersistParams{
		ID: w.reply.ID, LeaseToken: w.reply.LeaseToken, Content: string(w.text),
	})
	switch {
	case err != nil && ctx.Err() == nil:
		w.r.Log.WarnContext(ctx, "text of a reply not persisted yet", "message_id", w.reply.ID, "error", err)
	case err == nil && rows == 0:
		return lease.ErrLost
	case err == nil:
		w.persisted = len(w.text)
	}
	return nil
}
