// Package handler implements the operations of the spec: one file for each tag, with its mapping beside it. A handler
// translates a request into a call of a domain and its result into the generated types of the API, and nothing more. It
// returns errors as they come; package edge makes answers of them.
package handler

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/projects"
)

// Services are the domains behind the operations.
type Services struct {
	Auth     *auth.Service
	Account  *account.Service
	Assets   *assets.Service
	Credits  *credits.Service
	Projects *projects.Service
	Jobs     *jobs.Service
	Chats    *chat.Service
	Catalog  *catalog.Catalog
	CSRF     *token.CSRFTokens

	CursorKeys [][]byte // of the positions in lists, the current one first
	BasePath   string   // of the operations, to which the refresh cookie is bound
	AppURL     string   // of the web app, where chats are shown
	CSRFDomain string   // of the CSRF cookie, where the web app is on a sister host of ours; empty: our own host alone
}

// Server implements every operation, each in the file of its tag.
type Server struct {
	authHandlers
	meHandlers
	assetHandlers
	projectHandlers
	jobHandlers
	chatHandlers
	catalogHandlers
}

var _ api.StrictServerInterface = (*Server)(nil)

// New returns the operations on top of the domains.
func New(s Services) *Server {
	links, cursors := links{assets: s.Assets}, cursors(s.CursorKeys)
	users := userReader{accounts: s.Account, links: links}
	cookies := newCookieJar(s.BasePath, s.CSRFDomain, s.CSRF)
	return &Server{
		authHandlers:    authHandlers{cursors: cursors, auth: s.Auth, users: users, cookies: cookies},
		meHandlers:      meHandlers{cursors: cursors, users: users, credits: s.Credits, cookies: cookies, projects: s.Projects, assets: s.Assets},
		assetHandlers:   assetHandlers{cursors: cursors, assets: s.Assets, links: links},
		projectHandlers: projectHandlers{cursors: cursors, projects: s.Projects, jobs: s.Jobs, links: links},
		jobHandlers:     jobHandlers{cursors: cursors, jobs: s.Jobs, links: links},
		chatHandlers:    chatHandlers{cursors: cursors, chats: s.Chats, appURL: strings.TrimRight(s.AppURL, "/")},
		catalogHandlers: catalogHandlers{catalog: s.Catalog},
	}
}

// links makes the signed addresses of assets.
type links struct{ assets *assets.Service }

// of signs assets, in one call for each bucket.
func (l links) of(ctx context.Context, list ...db.Asset) (map[uuid.UUID]storage.SignedURL, error) {
	return l.assets.Sign(ctx, list)
}
