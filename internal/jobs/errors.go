package jobs

import "github.com/mugshot-studio/backend/internal/platform/apperr"

// The failures of this package.
var (
	// ErrNotFound says that there is no such job, or that it belongs to another account.
	ErrNotFound = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such job.")
	// ErrFinished says that a job has ended and can't be cancelled any more.
	ErrFinished = apperr.New(apperr.Conflict, apperr.CodeJobFinished, "The job has ended already.")
	// ErrInsufficientCredits says that the balance does not cover the price; details tell both.
	ErrInsufficientCredits = apperr.New(apperr.Conflict, apperr.CodeInsufficientCredits,
		"You don't have enough credits for this.")
	// errBusyProject says that other edits of the project came between too often.
	errBusyProject = apperr.New(apperr.Conflict, apperr.CodeVersionConflict,
		"The project is being changed. Please try again.")
)

// Failure codes of a job, as its owner sees them. They are the JobErrorCode enum of api/openapi.yaml.
const (
	failContentBlocked   = "content_blocked"
	failFaceSwapBlocked  = "face_swap_blocked"
	failInvalidImage     = "invalid_image"
	failModelUnavailable = "model_unavailable"
	failProviderFailed   = "provider_failed"
	failProviderBusy     = "provider_busy"
	failWorkerLost       = "worker_lost"
	failInternal         = "internal"
)
