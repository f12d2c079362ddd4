package handler

import (
	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
)

// defaultPageSize is the spec's default, for requests in which it has not been filled in.
const defaultPageSize = 50

// pageSize is how many items a page holds at most.
func pageSize(limit *api.Limit) int {
	if limit == nil {
		return defaultPageSize
	}
	return int(*limit)
}

// paginate makes a page of at most size items and its next_cursor, out of rows that were read with a limit of one more
// than size: the additional row only shows that there is another page.
func paginate[T any, P position](c cursors, l list, rows []T, size int, key func(T) P) ([]T, nullable.Nullable[api.NextCursor]) {
	if len(rows) <= size {
		return rows, nullable.NewNullNullable[api.NextCursor]()
	}
	rows = rows[:size]
	return rows, nullable.NewNullableWithValue(encodeCursor(c, l, key(rows[size-1])))
}
