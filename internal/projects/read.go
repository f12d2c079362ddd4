package projects

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Reader reads single projects. Reads that come at the same time share a statement.
type Reader struct {
	reads *postgres.Together[owned, db.ProjectGetRow]
}

// owned names a project and the account that asks for it.
type owned struct{ id, userID uuid.UUID }

// NewReader returns a reader of the projects in store.
func NewReader(store *postgres.Store) *Reader {
	id := func(o owned) uuid.UUID { return o.id }
	return &Reader{reads: postgres.NewTogether(
		func(ctx context.Context, asked []owned) ([]db.ProjectGetRow, error) {
			return readAll(ctx, store.Queries(), asked)
		},
		id, id, func(row db.ProjectGetRow) uuid.UUID { return row.Project.ID },
	)}
}

// Project reads a project of the account, or fails with ErrNotFound.
func (r *Reader) Project(ctx context.Context, userID, id uuid.UUID) (Project, error) {
	return read(r.reads.One(ctx, owned{id, userID}))
}

// Read is [Reader.Project] on the caller's handle.
func Read(ctx context.Context, q *db.Queries, userID, id uuid.UUID) (Project, error) {
	return read(postgres.First(readAll(ctx, q, []owned{{id, userID}})))
}

func read(row db.ProjectGetRow, err error) (Project, error) {
	switch {
	case postgres.IsNotFound(err):
		return Project{}, ErrNotFound
	case err != nil:
		return Project{}, fmt.Errorf("read project: %w", err)
	}
	return Project{Project: row.Project, Prompt: row.Prompt}, nil
}

func readAll(ctx context.Context, q *db.Queries, asked []owned) ([]db.ProjectGetRow, error) {
	var p db.ProjectGetParams
	for _, a := range asked {
		p.Ids, p.UserIds = append(p.Ids, a.id), append(p.UserIds, a.userID)
	}
	return q.ProjectGet(ctx, p)
}
