package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/coalesce"
)

const (
	togetherTimeout = 10 * time.Second       // of a batch: the wait for the one before it, and its statements
	togetherOverlap = 100 * time.Millisecond // how long a batch waits for one that hangs
)

// Together executes one statement for the calls that come at the same time. A statement costs Postgres more than the row that it
// changes: parsing of constraints, the start of its plan, a round trip, a commit. See [coalesce.Batcher] for when calls go
// together; a call that comes alone is sent alone and at once.
//
// A call fails for itself alone: where the statement of several inputs fails, each is sent alone, unless Postgres is away.
type Together[In, Row any] struct {
	calls   coalesce.Batcher[In, answer[Row]]
	execute func(ctx context.Context, inputs []In) ([]Row, error)
	lock    func(In) uuid.UUID
	input   func(In) uuid.UUID
	row     func(Row) uuid.UUID
}

type answer[Row any] struct {
	row Row
	err error
}

// NewTogether returns a Together for execute, which answers each input with one row at most. input and row return the id by
// which a row belongs to its input. lock returns the id of the row that an input locks: inputs with the same go in different
// statements, one after the other, and a statement gets its inputs in the order of these ids, so that two that lock several
// rows meet them in the same order.
func NewTogether[In, Row any](
	execute func(ctx context.Context, inputs []In) ([]Row, error), lock, input func(In) uuid.UUID, row func(Row) uuid.UUID,
) *Together[In, Row] {
	t := &Together[In, Row]{execute: execute, lock: lock, input: input, row: row}
	t.calls.Timeout, t.calls.OverlapAfter = togetherTimeout, togetherOverlap
	t.calls.Send = func(ctx context.Context, inputs []In) ([]answer[Row], error) { return t.send(ctx, inputs), nil }
	return t
}

// One returns the row of one input. It fails with an error of which [IsNotFound] is true where there is none.
func (t *Together[In, Row]) One(ctx context.Context, input In) (Row, error) {
	answer, err := t.calls.Call(ctx, input)
	if err != nil {
		return answer.row, err
	}
	return answer.row, answer.err
}

// First returns the first row that a statement for several inputs answered with, for a caller that gave it one. It fails with an
// error of which [IsNotFound] is true where there is none.
func First[Row any](rows []Row, err error) (first Row, _ error) {
	switch {
	case err != nil:
		return first, err
	case len(rows) == 0:
		return first, pgx.ErrNoRows
	}
	return rows[0], nil
}

// call is one input of a batch, and its answer.
type call[In, Row any] struct {
	input In
	answer[Row]
}

// send executes the statements of a batch.
func (t *Together[In, Row]) send(ctx context.Context, inputs []In) []answer[Row] {
	calls := make([]call[In, Row], len(inputs))
	left := make([]*call[In, Row], len(inputs))
	for i, input := range inputs {
		calls[i].input = input
		left[i] = &calls[i]
	}
	for len(left) > 0 {
		var now []*call[In, Row]
		now, left = t.split(left)
		t.answer(ctx, now)
	}
	answers := make([]answer[Row], len(calls))
	for i := range calls {
		answers[i] = calls[i].answer
	}
	return answers
}

// split returns the calls that can go in one statement, in the order in which they lock, and the others.
func (t *Together[In, Row]) split(calls []*call[In, Row]) (now, later []*call[In, Row]) {
	if len(calls) == 1 {
		return calls, nil
	}
	taken := make(map[uuid.UUID]bool, len(calls))
	for _, c := range calls {
		if id := t.lock(c.input); taken[id] {
			later = append(later, c)
		} else {
			taken[id] = true
			now = append(now, c)
		}
	}
	slices.SortFunc(now, func(a, b *call[In, Row]) int {
		x, y := t.lock(a.input), t.lock(b.input)
		return bytes.Compare(x[:], y[:])
	})
	return now, later
}

// answer executes the statement for calls, and for each alone where it fails for all.
func (t *Together[In, Row]) answer(ctx context.Context, calls []*call[In, Row]) {
	inputs := make([]In, len(calls))
	for i, c := range calls {
		inputs[i] = c.input
	}
	rows, err := t.execute(ctx, inputs)
	if err != nil && len(calls) > 1 && ctx.Err() == nil && apperr.From(err).Kind != apperr.Unavailable {
		for i := range calls {
			t.answer(ctx, calls[i:i+1])
		}
		return
	}
	noRow := err
	if err == nil {
		noRow = pgx.ErrNoRows
	}
	for _, c := range calls {
		c.err = noRow
	}
	if err != nil {
		return
	}
	for _, row := range rows {
		at := slices.IndexFunc(calls, func(c *call[In, Row]) bool { return t.input(c.input) == t.row(row) })
		calls[at].answer = answer[Row]{row: row}
	}
}
