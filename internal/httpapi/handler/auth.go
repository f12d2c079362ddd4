package handler

import (
	"context"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// authHandlers are the operations of the tag auth.
type authHandlers struct {
	cursors cursors
	auth    *auth.Service
	users   userReader
	cookies cookieJar
}

// StartAuth says how to go on with an address.
func (h authHandlers) StartAuth(ctx context.Context, r api.StartAuthRequestObject) (api.StartAuthResponseObject, error) {
	step, err := h.auth.Start(ctx, r.Body.Email)
	if err != nil {
		return nil, err
	}
	return api.StartAuth200JSONResponse{Exists: step != auth.CreateAccount, Next: api.AuthStartNext(step)}, nil
}

// SignUp creates an account.
func (h authHandlers) SignUp(ctx context.Context, r api.SignUpRequestObject) (api.SignUpResponseObject, error) {
	userID, err := h.auth.SignUp(ctx, auth.SignUp{
		Email: r.Body.Email, Password: r.Body.Password, ConfirmPassword: r.Body.ConfirmPassword,
		Username: r.Body.Username, FullName: r.Body.FullName, DOB: r.Body.Dob.Time,
		PhotoID: r.Body.ProfilePhotoAssetID,
	}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.SignUp201JSONResponse{UserID: userID, Next: api.SignedUpNextConfirmEmail}, nil
}

// ConfirmEmail takes the code that was mailed to an address.
func (h authHandlers) ConfirmEmail(
	ctx context.Context, r api.ConfirmEmailRequestObject,
) (api.ConfirmEmailResponseObject, error) {
	err := h.auth.Confirm(ctx, auth.Confirmation{
		Email: r.Body.Email, Code: r.Body.Code, Account: r.Body.UserID,
	}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.ConfirmEmail200JSONResponse{
		EmailConfirmed: api.ConfirmedEmailConfirmedTrue, Next: api.ConfirmedNextSignin,
	}, nil
}

// ResendConfirmation mails a new code.
func (h authHandlers) ResendConfirmation(
	ctx context.Context, r api.ResendConfirmationRequestObject,
) (api.ResendConfirmationResponseObject, error) {
	if err := h.auth.ResendConfirmation(ctx, r.Body.Email, auth.Client(edge.ClientFrom(ctx))); err != nil {
		return nil, err
	}
	return api.ResendConfirmation200JSONResponse{Next: api.ConfirmationResentNextConfirmEmail}, nil
}

// SignIn opens a session.
func (h authHandlers) SignIn(ctx context.Context, r api.SignInRequestObject) (api.SignInResponseObject, error) {
	byCookie := r.Body.Cookie != nil && *r.Body.Cookie
	session, err := h.auth.SignIn(ctx, auth.Credentials{
		Email: r.Body.Email, Password: r.Body.Password, ByCookie: byCookie,
	}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	body, cookies, err := h.sessionBody(ctx, session, byCookie)
	if err != nil {
		return nil, err
	}
	return signedInWithCookies{api.SignIn200JSONResponse(body), cookies}, nil
}

// RefreshSession spends a refresh token, which comes in the body or by cookie, and answers its successor the same way.
func (h authHandlers) RefreshSession(
	ctx context.Context, r api.RefreshSessionRequestObject,
) (api.RefreshSessionResponseObject, error) {
	refreshToken, byCookie, err := h.refreshToken(r)
	if err != nil {
		return nil, err
	}
	session, err := h.auth.Refresh(ctx, refreshToken, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	body, cookies, err := h.sessionBody(ctx, session, byCookie)
	if err != nil {
		return nil, err
	}
	return refreshedWithCookies{api.RefreshSession200JSONResponse(body), cookies}, nil
}

// SignOut ends the session that asks, and makes the browser forget its cookies.
func (h authHandlers) SignOut(ctx context.Context, r api.SignOutRequestObject) (api.SignOutResponseObject, error) {
	principal := edge.PrincipalFrom(ctx)
	mine, err := h.bringsCookie(principal, r.Params)
	if err != nil {
		return nil, err
	}
	if err := h.auth.SignOut(ctx, auth.Principal(principal), auth.Client(edge.ClientFrom(ctx))); err != nil {
		return nil, err
	}
	if !mine {
		return api.SignOut204Response{}, nil
	}
	return signedOutWithCookies{api.SignOut204Response{}, h.cookies.expire()}, nil
}
