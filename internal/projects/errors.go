package projects

import "github.com/mugshot-studio/backend/internal/platform/apperr"

// The failures of this package.
var (
	// ErrNotFound says that there is no such project, or that it belongs to another account.
	ErrNotFound = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such project.")
	// ErrVersionConflict says that the project changed since the caller read it.
	ErrVersionConflict = apperr.New(apperr.Conflict, apperr.CodeVersionConflict,
		"The project has changed since you read it. Read it again and repeat your change.")
	// ErrAssetMissing says that pictures of a prompt were deleted; its fields point at them.
	ErrAssetMissing = apperr.New(apperr.Conflict, apperr.CodeAssetMissing,
		"A picture of this project was deleted. Choose another one, or take it out of the project.")
)
