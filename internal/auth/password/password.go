// Package password hashes and verifies passwords, and checks new ones against the rules. It knows nothing of accounts and
// stores nothing.
//
// A password is normalised to NFC before it is measured or hashed, so that an "ü" typed as one code point on one system
// and as two on another is the same password (NIST SP 800-63B-4, section 3.1.1.2, and RFC 8265, section 4.2; the
// earlier 800-63B-3 named NFKC, which would make "²" and "2" one character). Nothing else is changed: no trimming, no
// folding of case, no truncation (OWASP ASVS 5.0, 6.2.8).
package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

const (
	// retryAfter is when to try again after no slot was free in time: at OWASP's minimum a core does some twenty to forty
	// hashes in that time.
	retryAfter = time.Second

	// Salt and key lengths in bytes, as RFC 9106, section 4, recommends.
	saltLength = 16
	keyLength  = 32

	// The most that a stored hash may ask for. The library takes a hash at its word, so that one bad row could
	// otherwise claim all memory, and zero iterations would panic.
	maxMemory     = 1 << 20 // KiB, that is 1 GiB
	maxIterations = 64
)

// ErrHashFormat says that a stored hash is not one that this package would have written.
var ErrHashFormat = errors.New("stored password hash is not readable")

// Params is the cost of one argon2id hash (RFC 9106).
type Params struct {
	Memory      uint32 // KiB, 8 to 1048576
	Iterations  uint32 // passes over the memory, 1 to 64
	Parallelism uint8  // lanes, at least 1
}

// DefaultParams is the least that OWASP's Password Storage Cheat Sheet allows for argon2id: 19 MiB, two passes, one lane.
func DefaultParams() Params {
	return Params{Memory: 19456, Iterations: 2, Parallelism: 1}
}

// Hasher hashes and verifies passwords with a bounded number of hashes at a time, since each holds Params.Memory.
// It is safe for concurrent use.
type Hasher struct {
	params argon2id.Params
	turns  chan struct{}
	hashes atomic.Uint64
}

// New returns a Hasher that runs at most maxConcurrent hashes at a time; 0 stands for the number of usable CPUs, more
// than which only costs memory. It fails when params are out of range.
func New(params Params, maxConcurrent int) (*Hasher, error) {
	if params.Memory < 8*uint32(params.Parallelism) || params.Memory > maxMemory ||
		params.Iterations < 1 || params.Iterations > maxIterations || params.Parallelism < 1 {
		return nil, fmt.Errorf("argon2id parameters out of range: memory %d KiB, iterations %d, parallelism %d",
			params.Memory, params.Iterations, params.Parallelism)
	}
	if maxConcurrent <= 0 {
		maxConcurrent = runtime.GOMAXPROCS(0)
	}
	return &Hasher{
		params: argon2id.Params{
			Memory: params.Memory, Iterations: params.Iterations, Parallelism: params.Parallelism,
			SaltLength: saltLength, KeyLength: keyLength,
		},
		turns: make(chan struct{}, maxConcurrent),
	}, nil
}

// Hash returns the PHC string of plain, which has passed Check. It returns apperr.ErrUnavailable when ctx ended before
// a slot was free.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	var phc string
	err := h.work(ctx, func() (err error) {
		phc, err = argon2id.CreateHash(norm.NFC.String(plain), &h.params)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc, nil
}

// Verify reports whether plain is the password behind phc, and whether phc is weaker than what Hash would write now,
// so that the caller, who has the plain password at hand only in this moment, should store a new hash. It returns
// apperr.ErrUnavailable when ctx ended before a slot was free, and ErrHashFormat.
func (h *Hasher) Verify(ctx context.Context, plain, phc string) (match, rehash bool, err error) {
	stored, err := decode(phc)
	if err != nil {
		return false, false, err
	}
	// No stored password is longer. It is refused at the full cost, or the answer's speed would tell that there is
	// an account.
	tooLong := len(plain) > maxBytes
	if tooLong {
		plain = ""
	}
	err = h.work(ctx, func() (err error) {
		match, err = argon2id.ComparePasswordAndHash(norm.NFC.String(plain), phc)
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	match = match && !tooLong
	return match, match && (stored.Memory < h.params.Memory || stored.Iterations < h.params.Iterations), nil
}

// Burn does the work of a Verify where there is no account to verify against, so that neither the answer's speed nor
// the load tells whether an address is known. It returns apperr.ErrUnavailable like Verify.
func (h *Hasher) Burn(ctx context.Context) error {
	_, err := h.Hash(ctx, "")
	return err
}

// Hashes counts the argon2id computations since New. Tests compare it between a known and an unknown account.
func (h *Hasher) Hashes() uint64 { return h.hashes.Load() }

// work runs one computation once a slot is free.
func (h *Hasher) work(ctx context.Context, compute func() error) error {
	if err := ctx.Err(); err != nil { // or select might take a free slot for a caller that has gone
		return apperr.ErrUnavailable.With(err).WithRetryAfter(retryAfter)
	}
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return apperr.ErrUnavailable.With(ctx.Err()).WithRetryAfter(retryAfter)
	}
	defer func() { <-h.turns }()
	h.hashes.Add(1)
	return compute()
}

// decode reads the parameters of a stored hash and refuses those that would be dangerous to compute.
func decode(phc string) (*argon2id.Params, error) {
	params, _, _, err := argon2id.DecodeHash(phc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHashFormat, err)
	}
	if params.Iterations < 1 || params.Iterations > maxIterations || params.Parallelism < 1 ||
		params.Memory > maxMemory || params.SaltLength < 8 || params.KeyLength < 16 || params.KeyLength > 64 {
		return nil, fmt.Errorf("%w: parameters out of range", ErrHashFormat)
	}
	return params, nil
}
