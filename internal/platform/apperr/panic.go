package apperr

import (
	"fmt"
	"runtime"
)

// Panicked is the error that a recovered panic is worth. It tells what Go itself panicked with, such as an index out of
// range, and of anything else its type alone: what a library panics with may quote what it was given.
func Panicked(value any) error {
	if fault, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", fault)
	}
	return fmt.Errorf("panic with a %T", value)
}
