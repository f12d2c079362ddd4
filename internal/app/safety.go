package app

import (
	"bytes"
	"context"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/internal/safety"
)

// chooseModerator returns the moderator of pictures that are to be copied: Gemini where its key is set, else one that only
// counts faces. docs/security.md says what that one does not see.
func chooseModerator(text providers.Text, model string, checker *inspect.Checker) providers.Moderator {
	if vendor, ok := text.(*gemini.Provider); ok {
		return gemini.NewModerator(vendor, model)
	}
	return safety.NewLocalModerator(func(ctx context.Context, picture providers.Picture) (int, error) {
		found, err := checker.Check(ctx, bytes.NewReader(picture.Data), inspect.Wanted{
			ContentType: picture.ContentType, Size: int64(len(picture.Data)), CountFaces: true,
		})
		return found.Faces, err
	})
}
