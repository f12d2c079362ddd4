package safety

import (
	"context"
	"fmt"

	"github.com/mugshot-studio/backend/internal/providers"
)

// CountFaces counts the faces in an encoded picture that are large enough to belong to one of its main persons.
type CountFaces func(ctx context.Context, picture providers.Picture) (int, error)

// LocalModerator needs no vendor and sees no more than how many faces there are. Who they are, how old, and what else a
// picture shows it can't tell.
type LocalModerator struct{ count CountFaces }

var _ providers.Moderator = LocalModerator{}

// NewLocalModerator returns a moderator.
func NewLocalModerator(count CountFaces) LocalModerator { return LocalModerator{count} }

// Name implements providers.Moderator.
func (LocalModerator) Name() string { return "local/1" }

// Moderate implements providers.Moderator.
func (j LocalModerator) Moderate(ctx context.Context, picture providers.Picture) (providers.Finding, error) {
	faces, err := j.count(ctx, picture)
	if err != nil {
		return providers.Finding{}, fmt.Errorf("count faces: %w", err)
	}
	return providers.Finding{Likeness: faces > 1}, nil
}
