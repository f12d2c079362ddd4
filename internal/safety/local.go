package safety

import (
	"context"
	"fmt"

	"github.com/mugshot-studio/backend/internal/providers"
)

// CountFaces counts the faces in an encoded picture that are as large as somebody who matters in it.
type CountFaces func(ctx context.Context, picture providers.Picture) (int, error)

// LocalJudge needs no vendor and sees no more than how many faces there are. Who they are, how old, and what else a
// picture shows it can't tell.
type LocalJudge struct{ count CountFaces }

var _ providers.Judge = LocalJudge{}

// NewLocalJudge returns a judge.
func NewLocalJudge(count CountFaces) LocalJudge { return LocalJudge{count} }

// Name implements providers.Judge.
func (LocalJudge) Name() string { return "local/1" }

// Judge implements providers.Judge.
func (j LocalJudge) Judge(ctx context.Context, picture providers.Picture) (providers.Finding, error) {
	faces, err := j.count(ctx, picture)
	if err != nil {
		return providers.Finding{}, fmt.Errorf("count faces: %w", err)
	}
	return providers.Finding{Likeness: faces > 1}, nil
}
