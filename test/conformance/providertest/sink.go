// Package providertest is the conformance suite of [providers.Image]: [Image] for what every provider draws, and [Faults] for the
// failures of a vendor over HTTP. It also has what fakes and tests of providers share: faults, secrets, requests and a sink.
package providertest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/mugshot-studio/backend/internal/providers"
)

// MemorySink keeps pictures in memory. The zero value is ready; it is safe for concurrent use. Set the hooks before use.
type MemorySink struct {
	// OnBegin, if set, is called before a variant begins; its error becomes that of Begin.
	OnBegin func(variant int) error
	// OnPut, if set, is called before a picture is kept; its error becomes that of Put.
	OnPut func(variant int) error
	// OnProgress, if set, is called for each step.
	OnProgress func(done float64)

	mu       sync.Mutex
	begun    int
	pictures map[int]providers.Picture
	progress []float64
}

var _ providers.Sink = (*MemorySink)(nil)

// Path is the path that [MemorySink] returns for a variant.
func Path(variant int) string { return fmt.Sprintf("renders/%d", variant) }

// Begin implements providers.Sink. Variants begin in their order, each once.
func (s *MemorySink) Begin(_ context.Context, variant int) error {
	if s.OnBegin != nil {
		if err := s.OnBegin(variant); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if variant != s.begun+1 {
		return fmt.Errorf("variant %d begins after variant %d", variant, s.begun)
	}
	s.begun = variant
	return nil
}

// Begun returns how many variants have begun.
func (s *MemorySink) Begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// Put implements providers.Sink. It refuses a variant that has not begun.
func (s *MemorySink) Put(_ context.Context, variant int, picture providers.Picture) (string, error) {
	if s.OnPut != nil {
		if err := s.OnPut(variant); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if variant > s.begun {
		return "", fmt.Errorf("variant %d has not begun", variant)
	}
	if s.pictures == nil {
		s.pictures = make(map[int]providers.Picture)
	}
	s.pictures[variant] = picture
	return Path(variant), nil
}

// Progress implements providers.Sink.
func (s *MemorySink) Progress(done float64) {
	s.mu.Lock()
	s.progress = append(s.progress, done)
	s.mu.Unlock()
	if s.OnProgress != nil {
		s.OnProgress(done)
	}
}

// Picture returns what was stored for the variant (1-based); ok is false if nothing was.
func (s *MemorySink) Picture(variant int) (picture providers.Picture, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	picture, ok = s.pictures[variant]
	return picture, ok
}

// Len returns how many variants were stored.
func (s *MemorySink) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pictures)
}

// Steps returns the reported progress, in order.
func (s *MemorySink) Steps() []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.progress)
}
