package auth

import "github.com/mugshot-studio/backend/internal/platform/apperr"

// The failures of this package.
var (
	// ErrUnauthenticated says that an access token is not good, or its session is over.
	ErrUnauthenticated = apperr.New(apperr.Unauthenticated, apperr.CodeUnauthenticated, "Please sign in.")
	// ErrInvalidCredentials says that the address or the password is wrong, and not which.
	ErrInvalidCredentials = apperr.New(apperr.Unauthenticated, apperr.CodeInvalidCredentials,
		"The e-mail address or the password is wrong.")
	// ErrPasswordNeeded says that a session is too old for what it asks without the password.
	ErrPasswordNeeded = apperr.New(apperr.Unauthenticated, apperr.CodeInvalidCredentials,
		"Please enter your password once more.")
	// ErrNoAccount says that no account has an address.
	ErrNoAccount = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such account.")
	// ErrNoSecondFactor says that an account has no second factor.
	ErrNoSecondFactor = apperr.New(apperr.NotFound, apperr.CodeNotFound, "This account has no second factor.")
	// ErrEmailNotConfirmed says that the password is right, but the address is still to be confirmed.
	ErrEmailNotConfirmed = apperr.New(apperr.Forbidden, apperr.CodeEmailNotConfirmed,
		"Please confirm your e-mail address first.")
	// ErrInvalidRefreshToken says that a refresh token is not good, or its session is over.
	ErrInvalidRefreshToken = apperr.New(apperr.Unauthenticated, apperr.CodeInvalidRefreshToken,
		"This session is over. Please sign in again.")
	// ErrInvalidCode says that a code is wrong, used or expired, and not which.
	ErrInvalidCode = apperr.New(apperr.Invalid, apperr.CodeInvalidCode, "This code is wrong or no longer valid.")
	// ErrInvalidResetToken says that a reset token is not good, used or expired, and not which.
	ErrInvalidResetToken = apperr.New(apperr.Invalid, apperr.CodeInvalidResetToken,
		"This link has been used or is no longer valid. Please ask for a new one.")
	// ErrSecondFactorRequired says that the password is right, and that a second factor is awaited; details hold the
	// challenge to meet.
	ErrSecondFactorRequired = apperr.New(apperr.Forbidden, apperr.CodeSecondFactorRequired,
		"Please enter the code from your authenticator app.")
	// ErrSessionNotFound says that the account has no such session.
	ErrSessionNotFound = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such session.")
	// ErrEmailTaken says that the address has an account.
	ErrEmailTaken = apperr.New(apperr.Conflict, apperr.CodeEmailTaken, "This e-mail address has an account already.")
	// ErrUsernameTaken says that the username has an owner.
	ErrUsernameTaken = apperr.New(apperr.Conflict, apperr.CodeUsernameTaken, "This username is taken.")
)
