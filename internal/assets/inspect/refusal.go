package inspect

import (
	"fmt"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Reason says what is wrong with a file. It is details.reason of the answer, and what an asset's row remembers, so a
// value in use never changes its meaning.
type Reason string

// The reasons of invalid_image.
const (
	Empty           Reason = "empty"
	TooLarge        Reason = "too_large"        // over MaxBytes
	SizeMismatch    Reason = "size_mismatch"    // not of the size announced
	UnsupportedType Reason = "unsupported_type" // by its content neither JPEG, PNG nor WebP
	TypeMismatch    Reason = "type_mismatch"    // one of them, but not the one announced
	TooManyPixels   Reason = "too_many_pixels"  // over MaxPixels, or over the memory that decoding may take
	TooComplex      Reason = "too_complex"      // its encoding takes too long to read
	Animated        Reason = "animated"
	Damaged         Reason = "damaged" // broken, cut off, or an encoding that is not used in practice
)

// The reasons of face_check_failed.
const (
	NoFace       Reason = "no_face"
	SeveralFaces Reason = "several_faces"
	FaceTooSmall Reason = "face_too_small"
	FaceBlurred  Reason = "face_blurred"
)

// Reasons lists every reason, as the contract does.
func Reasons() []Reason {
	return []Reason{
		Empty, TooLarge, SizeMismatch, UnsupportedType, TypeMismatch, TooManyPixels, TooComplex, Animated, Damaged,
		NoFace, SeveralFaces, FaceTooSmall, FaceBlurred,
	}
}

// The failures of a check, for errors.Is; what Check returns carries a Reason and its sentence.
var (
	ErrInvalidImage = apperr.New(apperr.Invalid, apperr.CodeInvalidImage, "This file can't be used as a picture.")
	ErrFaceCheck    = apperr.New(apperr.Invalid, apperr.CodeFaceCheckFailed, "This picture can't be used as a portrait.")
)

// Refusal is the answer to a file that was refused for a reason, also long after. An unknown reason, which a newer
// version of the program may have stored, is an ErrInvalidImage without a particular sentence.
func Refusal(r Reason) *apperr.Error {
	kind, sentence := ErrInvalidImage, ErrInvalidImage.Message
	switch r {
	case Empty:
		sentence = "The file is empty. Please upload it again."
	case TooLarge:
		sentence = "The file is too large. Please upload a picture of at most 8 MB."
	case SizeMismatch:
		sentence = "The file is not as long as announced, so the upload was probably cut off. Please upload it again."
	case UnsupportedType:
		sentence = "This is not a JPEG, PNG or WebP picture. Please convert HEIC, GIF, SVG and other files first."
	case TypeMismatch:
		sentence = "The picture is of another type than announced. Please announce the type that it really has."
	case TooManyPixels:
		sentence = "The picture has too many pixels. Please make it smaller, to at most 40 megapixels."
	case TooComplex:
		sentence = "The picture is stored in a way that takes too long to read. Please save it as an ordinary JPEG, or make it smaller."
	case Animated:
		sentence = "This is an animation. Please upload a still picture."
	case Damaged:
		sentence = "The picture is damaged. Please save it anew, or choose another one."
	case NoFace:
		kind, sentence = ErrFaceCheck, "We can't find a face. Please look straight into the camera, upright and in good light."
	case SeveralFaces:
		kind, sentence = ErrFaceCheck, "There is more than one face. Please choose a picture with nobody else in it."
	case FaceTooSmall:
		kind, sentence = ErrFaceCheck, "The face is too small. Please come closer, or choose a picture with more pixels."
	case FaceBlurred:
		kind, sentence = ErrFaceCheck, "The face is blurred. Please hold the camera still, and wipe its lens."
	}
	return kind.WithMessage(sentence).WithDetail("reason", string(r))
}

// damaged is a Refusal with what the decoder said, which is for logs only.
func damaged(format string, args ...any) error {
	return Refusal(Damaged).With(fmt.Errorf(format, args...))
}
