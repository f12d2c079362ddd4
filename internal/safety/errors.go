package safety

import (
	"errors"
	"fmt"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// The failures of this package. What is returned carries a Rule as details.rule, and its sentence.
var (
	// ErrFaceSwapBlocked says that this face may not be put into this picture.
	ErrFaceSwapBlocked = apperr.New(apperr.Forbidden, apperr.CodeFaceSwapBlocked,
		"This face can't be put into this picture.")
	// ErrContentBlocked says that something is not drawn for any account.
	ErrContentBlocked = apperr.New(apperr.Forbidden, apperr.CodeContentBlocked,
		"We don't draw this. Change the words or pictures and try again.")
)

// ErrUndecided says that no decision could be made now. It is neither a yes nor a no: later there will be one.
var ErrUndecided = errors.New("safety: undecided")

func undecided(cause error) error { return fmt.Errorf("%w: %w", ErrUndecided, cause) }

// Rule names the rule that refused a request. It is details.rule of the answer and stands in the audit log, so a value in use
// never changes its meaning.
type Rule string

// The rules for the request itself. Those about words are the sections of phrases.txt.
const (
	NoConsent       Rule = "no_consent"
	SexualMinors    Rule = "words_sexual_minors"
	SexualWords     Rule = "words_sexual"
	ViolentWords    Rule = "words_violent"
	HatefulWords    Rule = "words_hateful"
	SelfHarmWords   Rule = "words_self_harm"
	UndressingWords Rule = "words_undressing"
)

// The rules for what is seen in the picture to be copied.
const (
	PublicFigure  Rule = "picture_public_figure"
	Minor         Rule = "picture_minor"
	SexualPicture Rule = "picture_sexual"
	Violent       Rule = "picture_violent"
	Likeness      Rule = "picture_likeness"
	Unseen        Rule = "picture_refused" // the moderator's vendor refused to look
)

// aboutPicture tells whether a rule is about the picture to be copied.
func (r Rule) aboutPicture() bool {
	switch r {
	case PublicFigure, Minor, SexualPicture, Violent, Likeness, Unseen:
		return true
	default:
		return false
	}
}

// refuse is the answer to something in the request itself.
func refuse(r Rule) *apperr.Error {
	kind, sentence := ErrContentBlocked, "Your words ask for something that we don't draw. Change them and try again."
	switch r {
	case NoConsent:
		kind, sentence = ErrFaceSwapBlocked, "Copying a picture with a selfie needs the consent of the person in it."
	case UndressingWords:
		sentence = "We don't undress people. Change your words and try again."
	case SelfHarmWords:
		sentence = "We don't draw anything that leads people to harm themselves. If it is you who needs help, please talk to somebody today."
	default:
	}
	return kind.WithMessage(sentence).WithDetail("rule", r)
}

// refusePicture is the answer to something that was seen in the picture to be copied.
func refusePicture(kind *apperr.Error, r Rule) *apperr.Error {
	sentence := kind.Message
	switch r {
	case PublicFigure:
		sentence = "The picture to copy shows a well-known person. Choose another one."
	case Minor:
		sentence = "The picture to copy shows somebody who looks under age. Choose another one."
	case SexualPicture:
		sentence = "The picture to copy shows nudity, which we don't draw. Choose another one."
	case Violent:
		sentence = "The picture to copy shows violence that we don't draw. Choose another one."
	case Likeness:
		sentence = "The picture to copy shows more people than the one whose face you would replace. Choose one with a single person."
	case Unseen:
		sentence = "The picture to copy was refused by the safety check. Choose another one."
	default:
	}
	return kind.WithMessage(sentence).WithDetail("rule", r)
}

// refusalOf returns an error as a refusal, if it is one.
func refusalOf(err error) (*apperr.Error, bool) {
	if !errors.Is(err, ErrFaceSwapBlocked) && !errors.Is(err, ErrContentBlocked) {
		return nil, false
	}
	return apperr.From(err), true
}

func ruleOf(refusal *apperr.Error) Rule {
	rule, _ := refusal.Details["rule"].(Rule)
	return rule
}
