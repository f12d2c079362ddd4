package handler

import (
	"context"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// ForgotPassword mails a link that resets the password.
func (h authHandlers) ForgotPassword(
	ctx context.Context, r api.ForgotPasswordRequestObject,
) (api.ForgotPasswordResponseObject, error) {
	if err := h.auth.ForgotPassword(ctx, r.Body.Email, auth.Client(edge.ClientFrom(ctx))); err != nil {
		return nil, err
	}
	return api.ForgotPassword200JSONResponse{Next: api.ResetRequestedNextCheckEmail}, nil
}

// ResetPassword takes the token of a mailed link and a new password.
func (h authHandlers) ResetPassword(
	ctx context.Context, r api.ResetPasswordRequestObject,
) (api.ResetPasswordResponseObject, error) {
	wanted := auth.NewPassword{Plain: r.Body.NewPassword, Confirm: r.Body.ConfirmPassword}
	if err := h.auth.ResetPassword(ctx, r.Body.Token, wanted, auth.Client(edge.ClientFrom(ctx))); err != nil {
		return nil, err
	}
	return api.ResetPassword200JSONResponse{Next: api.PasswordResetNextSignin}, nil
}

// ChangePassword takes the present password and a new one.
func (h authHandlers) ChangePassword(
	ctx context.Context, r api.ChangePasswordRequestObject,
) (api.ChangePasswordResponseObject, error) {
	err := h.auth.ChangePassword(ctx, auth.Principal(edge.PrincipalFrom(ctx)), r.Body.CurrentPassword,
		auth.NewPassword{Plain: r.Body.NewPassword, Confirm: r.Body.ConfirmPassword}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.ChangePassword200JSONResponse{Next: api.PasswordChangedNextDone}, nil
}

// CheckUsername says whether a username is free.
func (h authHandlers) CheckUsername(
	ctx context.Context, r api.CheckUsernameRequestObject,
) (api.CheckUsernameResponseObject, error) {
	obstacle, err := h.auth.CheckUsername(ctx, r.Username)
	if err != nil {
		return nil, err
	}
	if obstacle == "" {
		return api.CheckUsername200JSONResponse{Available: true}, nil
	}
	reason := api.UsernameCheckReason(obstacle)
	return api.CheckUsername200JSONResponse{Available: false, Reason: &reason}, nil
}
