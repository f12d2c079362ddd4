package handler

import (
	"context"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// ListSessions lists the account's living sessions.
func (h authHandlers) ListSessions(
	ctx context.Context, r api.ListSessionsRequestObject,
) (api.ListSessionsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listSessions, r.Params.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	principal, size := edge.PrincipalFrom(ctx), pageSize(r.Params.Limit)
	rows, err := h.auth.Sessions(ctx, principal.UserID, before, size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, listSessions, rows, size, func(s db.SessionListRow) uuid.UUID { return s.ID })
	items := make([]api.SessionInfo, len(rows))
	for i, row := range rows {
		items[i] = toSessionInfo(row, principal)
	}
	return api.ListSessions200JSONResponse{Items: items, NextCursor: next}, nil
}

// RevokeSession ends a session of the account.
func (h authHandlers) RevokeSession(
	ctx context.Context, r api.RevokeSessionRequestObject,
) (api.RevokeSessionResponseObject, error) {
	err := h.auth.RevokeSession(ctx, auth.Principal(edge.PrincipalFrom(ctx)), r.SessionID, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return api.RevokeSession204Response{}, nil
}

// RevokeOtherSessions ends all sessions of the account but this one.
func (h authHandlers) RevokeOtherSessions(
	ctx context.Context, _ api.RevokeOtherSessionsRequestObject,
) (api.RevokeOtherSessionsResponseObject, error) {
	if err := h.auth.RevokeOtherSessions(ctx, auth.Principal(edge.PrincipalFrom(ctx)), auth.Client(edge.ClientFrom(ctx))); err != nil {
		return nil, err
	}
	return api.RevokeOtherSessions204Response{}, nil
}
