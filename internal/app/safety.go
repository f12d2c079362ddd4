package app

import (
	"bytes"
	"context"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
)

// chooseModerator says who looks at pictures that are to be copied: Gemini where its key is there, else only the
// detector of faces. docs/security.md says what that one does not see.
func chooseModerator(vendor providers.Adapters, model string, checker *inspect.Checker) providers.Moderator {
	if vendor.Moderator != nil {
		return vendor.Moderator(model)
	}
	return safety.NewLocalModerator(func(ctx context.Context, picture providers.Picture) (int, error) {
		found, err := checker.Check(ctx, bytes.NewReader(picture.Data), inspect.Wanted{
			ContentType: picture.ContentType, Size: int64(len(picture.Data)), CountFaces: true,
		})
		return found.Faces, err
	})
}
