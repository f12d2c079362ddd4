package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/gen/db"
)

// EachRow calls row for each row of one query: list runs the query on q, and row reads the columns with scan. The list that
// the query itself returns stays empty.
//
// It is for pages that are read often. The code that sqlc generates for a page makes a variable for each row, in a list that
// is copied as it grows, and the caller copies that into its own type: three quarters of all that such a request
// allocated.
func (s *Store) EachRow(list func(q *db.Queries) error, row func(scan func(into ...any) error) error) error {
	return list(db.New(s.handle(eachRow{s.pool, row})))
}

type eachRow struct {
	db.DBTX
	row func(scan func(into ...any) error) error
}

func (e eachRow) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := e.DBTX.Query(ctx, sql, args...)
	if err != nil {
		return rows, err
	}
	return &rowsForEach{Rows: rows, row: e.row}, nil
}

type rowsForEach struct {
	pgx.Rows
	row func(scan func(into ...any) error) error
	err error
}

// Next reads all rows, and reports that there is none, so that sqlc's loop ends at once.
func (r *rowsForEach) Next() bool {
	scan := r.Scan
	for r.Rows.Next() {
		if r.err = r.row(scan); r.err != nil {
			r.Close()
			return false
		}
	}
	return false
}

func (r *rowsForEach) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.Rows.Err()
}
