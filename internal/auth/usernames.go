package auth

import (
	"context"
	"fmt"
	"regexp"

	"github.com/mugshot-studio/backend/gen/db"
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

// CheckUsername tells why a username can't be had, if so. Another sign-up may still take it before the caller does.
func (s *Service) CheckUsername(ctx context.Context, username string) (Obstacle, error) {
	if !usernamePattern.MatchString(username) {
		return UsernameInvalid, nil
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
