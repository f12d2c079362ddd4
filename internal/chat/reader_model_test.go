package chat

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// model is a chat in which all that can go wrong does: attempts die and begin anew, rows are behind what was published,
// events are lost, come twice or late.
type model struct {
	r       *rand.Rand
	rows    []Message // by seq
	replies []*modelAttempt
	readers []*screen
	sealed  bool // a reader of rows fails
}

// modelAttempt is a writer of a reply, dead or alive.
type modelAttempt struct {
	row                        int // index in rows
	token                      int64
	text                       string // all that it is going to write
	written, persisted, public int
}

// screen is what a reader shows, and what it has not heard yet.
type screen struct {
	reader *reader
	shown  map[uuid.UUID]Message
	events []*event // nil: the mark that events may be missing
	late   *event   // comes whenever it likes
	faults []string
}

func (m *model) publish(e event) {
	for _, s := range m.readers {
		switch dice := m.r.IntN(100); {
		case dice < 12: // lost without a sign
		case dice < 17: // lost, with all that has not been heard
			s.events = append(s.events[:0], nil)
		case dice < 22:
			s.events = append(s.events, &e, &e)
		case dice < 27:
			s.late = &e
		default:
			s.events = append(s.events, &e)
		}
	}
}

func (m *model) change(row int, change func(*Message)) {
	change(&m.rows[row])
	m.rows[row].Revision++
}

func (m *model) say() {
	list := []Message{{ID: uuid.New(), Seq: int64(len(m.rows) + 1), Sender: fromUser, Content: "go on", Status: complete, Revision: 1}}
	if m.r.IntN(2) == 0 {
		list = append(list, Message{ID: uuid.New(), Seq: int64(len(m.rows) + 2), Sender: fromAI, Status: pending, Revision: 1})
	}
	m.rows = append(m.rows, list...)
	m.publish(event{Messages: slices.Clone(list)})
}

// claim begins an attempt at a reply, whether or not another is at it.
func (m *model) claim() {
	row := m.r.IntN(len(m.rows))
	if !m.rows[row].Unfinished() {
		return
	}
	m.change(row, func(x *Message) { x.Status, x.Content, x.Token = streaming, "", x.Token+1 })
	m.publish(event{Messages: []Message{m.rows[row]}})
	a := &modelAttempt{row: row, token: m.rows[row].Token}
	for i := range m.r.IntN(60) {
		a.text += fmt.Sprintf("%d·%d ", a.token, i)
	}
	m.replies = append(m.replies, a)
}

// write takes an attempt one step on, even if it is dead and does not know.
func (m *model) write() {
	if len(m.replies) == 0 {
		return
	}
	a := m.replies[m.r.IntN(len(m.replies))]
	row := &m.rows[a.row]
	ours := row.Status == streaming && row.Token == a.token
	switch m.r.IntN(6) {
	case 0, 1:
		a.written = min(len(a.text), a.written+m.r.IntN(30))
		for a.written < len(a.text) && a.text[a.written]&0xc0 == 0x80 { // not within a character
			a.written++
		}
	case 2:
		if ours {
			m.change(a.row, func(x *Message) { x.Content = a.text[:a.written] })
			a.persisted = a.written
		}
	case 3, 4:
		from := min(a.public, a.persisted)
		if a.written > from {
			m.publish(event{Delta: &delta{ID: row.ID, Seq: row.Seq, Token: a.token, From: from, Text: a.text[from:a.written]}})
			a.public = a.written
		}
	case 5:
		m.settle(a.row, ours, a)
	}
}

// settle ends a reply, or puts it back.
func (m *model) settle(row int, ours bool, a *modelAttempt) {
	switch m.r.IntN(8) {
	case 0:
		if ours {
			m.change(row, func(x *Message) { x.Status, x.Content = complete, a.text[:a.written] })
		}
	case 1:
		if ours {
			m.change(row, func(x *Message) { x.Status, x.Content = failed, a.text[:a.written] })
		}
	case 2:
		if ours {
			m.change(row, func(x *Message) { x.Status, x.Content = pending, a.text[:a.written] })
		}
	case 3: // stopped by a process that knows the row alone
		if m.rows[row].Unfinished() {
			m.change(row, func(x *Message) { x.Status = complete })
		}
	case 4:
		if m.rows[row].Status == failed {
			m.change(row, func(x *Message) { x.Status, x.Content = pending, "" })
		}
	default:
		return
	}
	m.publish(event{Messages: []Message{m.rows[row]}})
}

func (m *model) after(_ context.Context, seq int64) ([]Message, error) {
	if m.sealed {
		panic("read rows")
	}
	rest := m.rows[seq:]
	return slices.Clone(rest[:min(len(rest), catchUpPage)]), nil
}

func (m *model) get(_ context.Context, id uuid.UUID) (Message, error) {
	if m.sealed {
		panic("read a row")
	}
	return m.rows[slices.IndexFunc(m.rows, func(x Message) bool { return x.ID == id })], nil
}

func (m *model) newer(_ context.Context, count int) ([]Message, error) {
	return slices.Clone(m.rows[max(0, len(m.rows)-count):]), nil
}

func (m *model) join(seen Seen) *screen {
	s := &screen{shown: map[uuid.UUID]Message{}}
	s.reader = &reader{rows: m, send: func(u Update) error { m.show(s, u); return nil }}
	if err := s.reader.begin(context.Background(), seen); err != nil {
		s.faults = append(s.faults, err.Error())
	}
	m.readers = append(m.readers, s)
	return s
}

// show does what the contract tells clients to do, and looks whether what is shown makes sense.
func (m *model) show(s *screen, u Update) {
	fault := func(format string, args ...any) { s.faults = append(s.faults, fmt.Sprintf(format, args...)) }
	if u.Message != nil {
		if old, ok := s.shown[u.Message.ID]; ok && old.Revision >= u.Message.Revision {
			fault("message %d comes twice, or back", u.Message.Seq)
		}
		s.shown[u.Message.ID] = *u.Message
		return
	}
	shown, ok := s.shown[u.ReplyID]
	if !ok || shown.Status != streaming || u.Text == "" {
		fault("text for a message that is not being written: %q", u.Text)
	}
	shown.Content += u.Text
	s.shown[u.ReplyID] = shown
	for _, a := range m.replies {
		if m.rows[a.row].ID == u.ReplyID && a.token == shown.Token && !strings.HasPrefix(a.text, shown.Content) {
			fault("text of attempt %d is not a beginning of it: %q", a.token, shown.Content)
		}
	}
}

func (s *screen) receive(t *testing.T) {
	if s.late != nil && len(s.events)%3 == 0 {
		s.events, s.late = append(s.events, s.late), nil
	}
	if len(s.events) == 0 {
		return
	}
	e := s.events[0]
	s.events = s.events[1:]
	if e == nil {
		require.NoError(t, s.reader.look(t.Context()))
		return
	}
	_, err := s.reader.handle(t.Context(), *e)
	require.NoError(t, err)
	if d := e.Delta; d != nil { // a reader is never behind what it has heard
		shown := s.shown[d.ID]
		behind := shown.Token < d.Token || shown.Token == d.Token && shown.Status == streaming && len(shown.Content) < d.From+len(d.Text)
		require.False(t, behind, "heard %+v and shows %+v", *d, shown)
	}
}

// step lets one thing happen.
func (m *model) step(t *testing.T) {
	switch dice := m.r.IntN(100); {
	case dice < 6:
		m.say()
	case dice < 14:
		m.claim()
	case dice < 55:
		m.write()
	case dice < 58 && len(m.readers) < 4:
		m.join(Seen{})
	default:
		for _, s := range m.readers {
			if m.r.IntN(2) == 0 {
				s.receive(t)
			}
		}
	}
}
