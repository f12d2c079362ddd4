package main

import "context"

// one reads the row that a statement returns; found is false if it returns none.
func (f *floor) one(ctx context.Context, sql string, args []any, into ...any) (found bool, err error) {
	rows, err := f.db.Query(ctx, sql, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(into...); err != nil {
		return false, err
	}
	rows.Close()
	return true, rows.Err()
}
