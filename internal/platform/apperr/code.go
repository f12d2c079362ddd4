package apperr

// Code tells client programs what went wrong. The codes are the ErrorCode enum of api/openapi.yaml; a test compares the two.
type Code string

// The codes of the contract.
const (
	CodeMalformedJSON        Code = "malformed_json"
	CodeValidationFailed     Code = "validation_failed"
	CodeInvalidCursor        Code = "invalid_cursor"
	CodeInvalidCode          Code = "invalid_code"
	CodeInvalidResetToken    Code = "invalid_reset_token"
	CodeInvalidImage         Code = "invalid_image"
	CodeFaceCheckFailed      Code = "face_check_failed"
	CodeUploadMissing        Code = "upload_missing"
	CodeUnauthenticated      Code = "unauthenticated"
	CodeInvalidCredentials   Code = "invalid_credentials"
	CodeInvalidRefreshToken  Code = "invalid_refresh_token"
	CodeEmailNotConfirmed    Code = "email_not_confirmed"
	CodeSecondFactorRequired Code = "second_factor_required"
	CodeCSRFFailed           Code = "csrf_failed"
	CodeFaceSwapBlocked      Code = "face_swap_blocked"
	CodeContentBlocked       Code = "content_blocked"
	CodeNotFound             Code = "not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeRequestTimeout       Code = "request_timeout"
	CodePayloadTooLarge      Code = "payload_too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeEmailTaken           Code = "email_taken"
	CodeUsernameTaken        Code = "username_taken"
	CodeVersionConflict      Code = "version_conflict"
	CodeInsufficientCredits  Code = "insufficient_credits"
	CodeIdempotencyConflict  Code = "idempotency_conflict"
	CodeModelUnavailable     Code = "model_unavailable"
	CodeJobFinished          Code = "job_finished"
	CodeAssetInUse           Code = "asset_in_use"
	CodeAssetMissing         Code = "asset_missing"
	CodeQuotaExceeded        Code = "quota_exceeded"
	CodeRateLimited          Code = "rate_limited"
	CodeAccountLocked        Code = "account_locked"
	CodeInternal             Code = "internal"
	CodeUnavailable          Code = "unavailable"
)

// Codes lists every code, in the order of the contract.
func Codes() []Code {
	return []Code{
		CodeMalformedJSON, CodeValidationFailed, CodeInvalidCursor, CodeInvalidCode, CodeInvalidResetToken,
		CodeInvalidImage, CodeFaceCheckFailed, CodeUploadMissing, CodeUnauthenticated, CodeInvalidCredentials,
		CodeInvalidRefreshToken, CodeEmailNotConfirmed, CodeSecondFactorRequired, CodeCSRFFailed, CodeFaceSwapBlocked,
		CodeContentBlocked, CodeNotFound, CodeMethodNotAllowed, CodeRequestTimeout, CodePayloadTooLarge,
		CodeUnsupportedMediaType, CodeEmailTaken, CodeUsernameTaken, CodeVersionConflict, CodeInsufficientCredits,
		CodeIdempotencyConflict, CodeModelUnavailable, CodeJobFinished, CodeAssetInUse, CodeAssetMissing,
		CodeQuotaExceeded, CodeRateLimited, CodeAccountLocked, CodeInternal, CodeUnavailable,
	}
}

// The errors that belong to no domain.
var (
	ErrInternal    = New(Internal, CodeInternal, "Something went wrong on our side. Please try again.")
	ErrUnavailable = New(Unavailable, CodeUnavailable, "The service is busy or partly down. Please try again shortly.")
	ErrNotFound    = New(NotFound, CodeNotFound, "There is nothing here.")
	ErrTooLarge    = New(TooLarge, CodePayloadTooLarge, "The request body is too large.")
	ErrTimeout     = New(Timeout, CodeRequestTimeout, "The body of the request did not arrive in time.")
)
