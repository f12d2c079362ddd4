package chat

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// Update is what a reader of a chat is sent: a whole message, or text to append to one.
type Update struct {
	Message *Message
	ReplyID uuid.UUID // of Text
	Text    string
}

// reader turns what it reads and what it hears into updates that miss nothing and repeat nothing, whatever was lost on
// the way or came twice. It relies on this alone: rows are committed before they are announced; revisions of a row grow;
// texts of one attempt are prefixes of one text; and a delta's row holds at least the bytes before it.
type reader struct {
	last  int64      // every message up to here has been sent, or was there before
	known []progress // few enough to be searched, and smaller than a map
	send  func(Update) error
	rows  rows
}

// rows are the messages of the reader's chat as they stand.
type rows interface {
	after(ctx context.Context, seq int64) ([]Message, error) // those behind seq, in order
	get(ctx context.Context, id uuid.UUID) (Message, error)  // one reply
	newer(ctx context.Context, count int) ([]Message, error) // the newest, in order
}

// progress is what has been sent of a reply.
type progress struct {
	id                   uuid.UUID
	seq, revision, token int64
	status               string
	sent                 int // bytes of its content
}

// knownReplies bounds how many replies a reader remembers.
const knownReplies = 32

// of returns what is known of a reply, or nil. It is valid until the next message.
func (r *reader) of(id uuid.UUID) *progress {
	for i := range r.known {
		if r.known[i].id == id {
			return &r.known[i]
		}
	}
	return nil
}

// message passes on a message as it was read or heard, unless that is old news.
func (r *reader) message(m Message) error {
	p := r.of(m.ID)
	switch {
	case p == nil && m.Sender != fromAI && m.Seq <= r.last:
		return nil // such messages never change
	case p != nil && m.Revision <= p.revision:
		return nil
	case p != nil && p.status == streaming && m.Status == streaming && m.Token == p.token:
		p.revision = m.Revision
		return r.text(p, m.ID, 0, m.Content)
	}
	r.last = max(r.last, m.Seq)
	if m.Sender == fromAI {
		if p == nil {
			p = r.remember()
		}
		*p = progress{id: m.ID, seq: m.Seq, revision: m.Revision, token: m.Token, status: m.Status, sent: len(m.Content)}
	}
	return r.send(Update{Message: &m})
}

// text sends what is new of a text that begins at a byte of the content, which is not behind what has been sent.
func (r *reader) text(p *progress, id uuid.UUID, from int, text string) error {
	if from+len(text) <= p.sent {
		return nil
	}
	text = text[p.sent-from:]
	p.sent += len(text)
	return r.send(Update{ReplyID: id, Text: text})
}

// handle takes an event. gone tells that the chat is no more.
func (r *reader) handle(ctx context.Context, e event) (gone bool, err error) {
	if e.Gone {
		return true, nil
	}
	for _, m := range e.Messages {
		if m.Seq > r.last+1 { // those between were committed before it
			if err := r.catchUp(ctx); err != nil {
				return false, err
			}
		}
		if err := r.message(m); err != nil {
			return false, err
		}
	}
	if e.Delta == nil {
		return false, nil
	}
	return false, r.delta(ctx, *e.Delta)
}

// delta passes on a piece of text. Where something before it is missing the row is read.
func (r *reader) delta(ctx context.Context, d delta) error {
	p := r.of(d.ID)
	switch {
	case p != nil && (d.Token < p.token || d.Token == p.token && p.status != streaming):
		return nil // of an attempt that is over
	case p != nil && d.Token == p.token && d.From <= p.sent:
		return r.text(p, d.ID, d.From, d.Text)
	}
	if d.Seq > r.last+1 {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
	}
	m, err := r.rows.get(ctx, d.ID)
	if err != nil {
		return err
	}
	if err := r.message(m); err != nil {
		return err
	}
	if p = r.of(d.ID); p != nil && p.status == streaming && p.token == d.Token && d.From <= p.sent {
		return r.text(p, d.ID, d.From, d.Text)
	}
	return nil
}

// catchUp reads what was said since.
func (r *reader) catchUp(ctx context.Context) error {
	for {
		list, err := r.rows.after(ctx, r.last)
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := r.message(m); err != nil {
				return err
			}
		}
		if len(list) < catchUpPage {
			return nil
		}
	}
}

// look reads whatever may have changed, where events may be missing.
func (r *reader) look(ctx context.Context) error {
	list, err := r.rows.newer(ctx, window)
	if err != nil {
		return err
	}
	if len(list) > 0 && list[0].Seq > r.last+1 {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
	}
	seen := make(map[uuid.UUID]bool, len(list))
	for _, m := range list {
		seen[m.ID] = true
		if err := r.message(m); err != nil {
			return err
		}
	}
	var hidden []uuid.UUID
	for _, p := range r.known {
		if !seen[p.id] && p.unfinished() {
			hidden = append(hidden, p.id)
		}
	}
	for _, id := range hidden {
		m, err := r.rows.get(ctx, id)
		if err != nil {
			return err
		}
		if err := r.message(m); err != nil {
			return err
		}
	}
	return nil
}

func (p progress) unfinished() bool { return p.status == pending || p.status == streaming }

// waits tells whether something is still to be written.
func (r *reader) waits() bool { return slices.ContainsFunc(r.known, progress.unfinished) }

// remember makes room for one more reply: where there are enough, that which ended and stands first in the chat goes.
// Should it change after all, it is sent whole.
func (r *reader) remember() *progress {
	if len(r.known) >= knownReplies {
		oldest := -1
		for i, p := range r.known {
			if !p.unfinished() && (oldest < 0 || p.seq < r.known[oldest].seq) {
				oldest = i
			}
		}
		if oldest >= 0 {
			return &r.known[oldest]
		}
	}
	r.known = append(r.known, progress{})
	return &r.known[len(r.known)-1]
}
