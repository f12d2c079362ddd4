package handler

import (
	"context"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// SetUpSecondFactor answers a secret for an authenticator app.
func (h authHandlers) SetUpSecondFactor(
	ctx context.Context, r api.SetUpSecondFactorRequestObject,
) (api.SetUpSecondFactorResponseObject, error) {
	var shown auth.SetUp
	if r.Body != nil {
		shown = auth.SetUp{Password: orEmpty(r.Body.Password), Code: orEmpty(r.Body.Code)}
	}
	enrolment, err := h.auth.SetUpSecondFactor(ctx, auth.Principal(edge.PrincipalFrom(ctx)), shown, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.SetUpSecondFactor200JSONResponse{Secret: enrolment.Secret, OtpauthURL: enrolment.URL}, nil
}

// EnableSecondFactor takes the first code and answers recovery codes.
func (h authHandlers) EnableSecondFactor(
	ctx context.Context, r api.EnableSecondFactorRequestObject,
) (api.EnableSecondFactorResponseObject, error) {
	codes, err := h.auth.EnableSecondFactor(ctx, auth.Principal(edge.PrincipalFrom(ctx)), r.Body.Code, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.EnableSecondFactor200JSONResponse{RecoveryCodes: codes}, nil
}

// DisableSecondFactor turns the second factor off.
func (h authHandlers) DisableSecondFactor(
	ctx context.Context, r api.DisableSecondFactorRequestObject,
) (api.DisableSecondFactorResponseObject, error) {
	err := h.auth.DisableSecondFactor(ctx, auth.Principal(edge.PrincipalFrom(ctx)), r.Body.Password,
		auth.Proof{Code: orEmpty(r.Body.Code), RecoveryCode: orEmpty(r.Body.RecoveryCode)}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.DisableSecondFactor204Response{}, nil
}

// VerifySecondFactor opens the session that the challenge was given for.
func (h authHandlers) VerifySecondFactor(
	ctx context.Context, r api.VerifySecondFactorRequestObject,
) (api.VerifySecondFactorResponseObject, error) {
	session, byCookie, err := h.auth.VerifySecondFactor(ctx, r.Body.Challenge,
		auth.Proof{Code: orEmpty(r.Body.Code), RecoveryCode: orEmpty(r.Body.RecoveryCode)}, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	body, cookies, err := h.sessionBody(ctx, session, byCookie)
	if err != nil {
		return nil, err
	}
	return verifiedWithCookies{api.VerifySecondFactor200JSONResponse(body), cookies}, nil
}
