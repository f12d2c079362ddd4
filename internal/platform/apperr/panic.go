package apperr

import (
	"fmt"
	"runtime"
)

// Panicked returns an error for the value of a recovered panic. It contains the text of the runtime's own errors, such as an
// index out of range, and of any other value only the type: a library may panic with a text that quotes its input.
func Panicked(value any) error {
	if fault, ok := value.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", fault)
	}
	return fmt.Errorf("panic with a %T", value)
}
