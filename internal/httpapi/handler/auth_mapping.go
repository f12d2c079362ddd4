package handler

import (
	"context"
	"net/http"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// sessionBody is what a client gets of a session: all of it in the body, or the refresh token by cookie.
func (h authHandlers) sessionBody(
	ctx context.Context, s auth.Session, byCookie bool,
) (body api.Session, cookies []*http.Cookie, err error) {
	user, err := h.users.readForSession(ctx, s.UserID)
	if err != nil {
		return api.Session{}, nil, err
	}
	body = api.Session{
		SessionToken: s.AccessToken, TokenType: api.SessionTokenTypeBearer, ExpiresIn: int64(s.ExpiresIn.Seconds()),
		SessionID: s.SessionID, User: user,
	}
	if byCookie {
		cookies, err = h.cookies.issue(s)
		return body, cookies, err
	}
	refresh := s.Refresh.Token()
	body.RefreshToken = &refresh
	return body, nil, nil
}

func toSessionInfo(s db.SessionListRow, current edge.Principal) api.SessionInfo {
	return api.SessionInfo{
		ID: s.ID, UserAgent: s.UserAgent, IP: s.IP, CreatedAt: s.CreatedAt.UTC(), LastUsedAt: s.LastUsedAt.UTC(),
		Current: s.ID == current.SessionID,
	}
}
