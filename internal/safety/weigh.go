package safety

import (
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
)

// weigh decides by what was found in a picture that is to be copied, with a face put into it (swap) or without. It returns nil
// where that is allowed.
//
// Nudity and gore are refused to every account. A well-known or under-age person is never copied, since their likeness would be
// used one way or the other. Another person beside the main one matters only where a face is put in: then that person would
// stand there, recognisable, beside one whom they never met.
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
