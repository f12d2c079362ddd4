package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/projects"
)

// NewDraftCheck returns a check of drafts that nobody has sent: those which the assistant suggests. It holds a draft
// against the same schema and the same rules as createProject does, so that what passes is what createProject accepts,
// and returns it as the API writes it. It fails for a spec without that operation.
func NewDraftCheck(drafts *projects.Service) (
	func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error), error,
) {
	doc, err := api.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("load embedded spec: %w", err)
	}
	operations, err := readOperations(doc)
	if err != nil {
		return nil, fmt.Errorf("read spec: %w", err)
	}
	create := operations["createProject"]
	if create == nil || create.bodySchema == nil {
		return nil, errors.New("the spec has no createProject")
	}
	return func(ctx context.Context, userID uuid.UUID, draft []byte) (json.RawMessage, error) {
		doc, err := decodeJSON(draft)
		if err != nil {
			return nil, err
		}
		var found violations
		create.checkBody(doc, &found)
		if err := found.err(); err != nil {
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
