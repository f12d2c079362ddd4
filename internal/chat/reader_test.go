package chat

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Whatever happens: a reader never shows a character twice, leaves none out and puts none elsewhere; and once it has
// looked after the last event, it shows what the rows say.
func TestReader_missesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	const runs, steps = 3000, 150
	for seed := range uint64(runs) {
		m := &model{r: rand.New(rand.NewPCG(seed, 7))}
		m.say()
		for range steps {
			m.step(t)
		}
		m.join(Seen{})
		for i, s := range m.readers {
			for len(s.events) > 0 || s.late != nil {
				s.receive(t)
			}
			require.NoError(t, s.reader.look(t.Context())) // as after a silence, or for the next mark
			require.Empty(t, s.faults, "seed %d, reader %d", seed, i)
			for _, row := range m.rows {
				if shown, ok := s.shown[row.ID]; ok && !row.Unfinished() && row.Seq > int64(len(m.rows)-window) {
					require.Equal(t, row, shown, "seed %d, reader %d", seed, i)
				} else if row.Seq > int64(len(m.rows)-window) {
					require.True(t, ok, "seed %d, reader %d, message %d is missing", seed, i, row.Seq)
				}
			}
		}
	}
}

// In the ordinary case, in which nothing is lost, no row is read.
func TestReader_readsNoRowWhereNothingIsLost(t *testing.T) {
	t.Parallel()
	m := &model{r: rand.New(rand.NewPCG(1, 1))}
	s := m.join(Seen{})
	m.sealed = true
	reply := Message{ID: uuid.New(), Seq: 1, Sender: fromAI, Status: streaming, Revision: 1, Token: 1}
	handle := func(e event) {
		_, err := s.reader.handle(t.Context(), e)
		require.NoError(t, err)
	}
	handle(event{Messages: []Message{reply}})
	text := strings.Repeat("word ", 100)
	for at := 0; at < len(text); at += 10 {
		persisted := at / 50 * 50
		handle(event{Delta: &delta{ID: reply.ID, Seq: 1, Token: 1, From: persisted, Text: text[persisted : at+10]}})
	}
	require.Equal(t, text, s.shown[reply.ID].Content)
}

func TestReader_beginsWhereItLeftOff(t *testing.T) {
	t.Parallel()
	m := &model{r: rand.New(rand.NewPCG(1, 1))}
	for i := range 300 {
		x := Message{ID: uuid.New(), Seq: int64(i + 1), Sender: fromUser, Status: complete, Revision: 1}
		if i%2 == 1 {
			x.Sender, x.Revision = fromAI, 4
		}
		m.rows = append(m.rows, x)
	}
	m.rows[199].Status = streaming
	for name, c := range map[string]struct {
		seen Seen
		want []int64
	}{
		"new":            {Seen{}, span(281, 300, 1)},
		"nothing new":    {Seen{300, 4}, append([]int64{200}, span(282, 298, 2)...)},
		"changed since":  {Seen{300, 3}, append([]int64{200}, span(282, 300, 2)...)},
		"some are new":   {Seen{290, 4}, slices.Concat([]int64{200}, span(282, 288, 2), span(291, 300, 1))},
		"away for long":  {Seen{3, 1}, span(101, 300, 1)},
		"from who knows": {Seen{9999, 1}, append([]int64{200}, span(282, 300, 2)...)},
	} {
		s := m.join(c.seen)
		var got []int64
		for _, x := range s.shown {
			got = append(got, x.Seq)
		}
		slices.Sort(got)
		require.Equal(t, c.want, got, name)
		require.EqualValues(t, 300, s.reader.last, name)
	}
}

func span(first, last, step int64) (all []int64) {
	for n := first; n <= last; n += step {
		all = append(all, n)
	}
	return all
}
