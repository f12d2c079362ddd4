package safety

import (
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
)

// weigh says what follows from what was found in a picture that is to be copied, with a face put into it or without. It
// returns nil where that is allowed.
//
// Nudity and gore are drawn for nobody. A well-known or under-age person is never copied, since their likeness would be
// used one way or the other. Somebody else beside the main person matters only where a face is put in: then they would
// stand there, recognisable, beside somebody whom they never met.
func weigh(found providers.Finding, swap bool) *apperr.Error {
	kind := ErrContentBlocked
	if swap {
		kind = ErrFaceSwapBlocked
	}
	switch {
	case found.Refused:
		return refusePicture(ErrContentBlocked, Unseen)
	case found.Sexual:
		return refusePicture(ErrContentBlocked, SexualPicture)
	case found.Violent:
		return refusePicture(ErrContentBlocked, Violent)
	case found.Minor:
		return refusePicture(kind, Minor)
	case found.PublicFigure:
		return refusePicture(kind, PublicFigure)
	case found.Likeness && swap:
		return refusePicture(ErrFaceSwapBlocked, Likeness)
	}
	return nil
}
