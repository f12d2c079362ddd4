package auth

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
)

// usernamePattern is the contract's, and the one that the table checks.
var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{3,30}$`)

// Obstacle is why a username can't be had.
type Obstacle string

// The obstacles; none is the empty one.
const (
	UsernameInvalid Obstacle = "invalid"
	UsernameTaken   Obstacle = "taken"
)

// reserved are the names that an account could pass for the product, its staff or its mailboxes with, or that stand for a part of
// the API: one a line, without dots, underscores and hyphens.
//
//go:embed reserved.txt
var reserved string

// UsernameReserved reports whether no account may have a username: what is left of it without dots, underscores and hyphens is
// reserved, a word of the product's name, or nothing.
func (s *Service) UsernameReserved(username string) bool {
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, username)
	if bare == "" {
		return true
	}
	for name := range strings.Lines(reserved) {
		if strings.TrimSuffix(name, "\n") == bare {
			return true
		}
	}
	return slices.Contains(password.Words(s.cfg.Product), bare)
}

// CheckUsername tells why a username can't be had, if so. Another sign-up may still take it before the caller does.
func (s *Service) CheckUsername(ctx context.Context, username string) (Obstacle, error) {
	if !usernamePattern.MatchString(username) {
		return UsernameInvalid, nil
	}
	if s.UsernameReserved(username) {
		return UsernameTaken, nil
	}
	taken, err := s.store.Queries().UsernameExists(ctx, db.UsernameExistsParams{Username: username, ExpiredBefore: s.expiredBefore()})
	switch {
	case err != nil:
		return "", fmt.Errorf("look up username: %w", err)
	case taken:
		return UsernameTaken, nil
	}
	return "", nil
}
