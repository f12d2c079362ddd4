package account

import "github.com/mugshot-studio/backend/internal/platform/apperr"

// ErrNotFound says that there is no such account.
var ErrNotFound = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such account.")
