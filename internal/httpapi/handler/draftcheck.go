package handler

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/projects"
)

// NewDraftCheck returns a check of drafts that no client has sent: those which the assistant suggests. It holds a draft
// against the same schema and the same rules as createProject does, so that what passes is what createProject accepts,
// and returns it as the API writes it. It fails for a spec without that operation.
func NewDraftCheck(drafts *projects.Service) (
	func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error), error,
) {
	checkBody, err := edge.NewBodyCheck("createProject")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error) {
		if err := checkBody(draft); err != nil {
			return nil, err
		}
		var body api.ProjectCreate
		if err := json.Unmarshal(draft, &body); err != nil {
			return nil, fmt.Errorf("decode draft: %w", err)
		}
		if err := drafts.Check(ctx, userID, draftOf(body)); err != nil {
			return nil, err
		}
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode draft: %w", err)
		}
		return encoded, nil
	}, nil
}
