package handler

import (
	"time"

	"github.com/oapi-codegen/nullable"
)

// streamLifetime is after how long a client has to open its stream anew. It bounds how long a stream goes on whose session
// can't be looked up.
const streamLifetime = 10 * time.Minute

// orNull is the API's null for a nil pointer.
func orNull[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

// orNullAs is orNull for a type of the API that is a string in the domain.
func orNullAs[To ~string](p *string) nullable.Nullable[To] {
	if p == nil {
		return nullable.NewNullNullable[To]()
	}
	return nullable.NewNullableWithValue(To(*p))
}

// textOf is a pointer to the domain's form of an API enum, or nil.
func textOf[From ~string](p *From) *string {
	if p == nil {
		return nil
	}
	text := string(*p)
	return &text
}

// change is a member of a PATCH: nil where it was left out, pointing at nil where it is null.
func change[T, To any](n nullable.Nullable[T], convert func(T) To) **To {
	if !n.IsSpecified() {
		return nil
	}
	if n.IsNull() {
		return new(*To)
	}
	value := convert(n.MustGet())
	to := &value
	return &to
}

// inUTC is how the API shows times.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
