package safety_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// moderator is one whose answers are the test's.
type moderator struct {
	name   string
	answer func(ctx context.Context, call int) (providers.Finding, error)
	calls  atomic.Int64
}

func (j *moderator) Name() string { return j.name }

func (j *moderator) Moderate(ctx context.Context, _ providers.Picture) (providers.Finding, error) {
	return j.answer(ctx, int(j.calls.Add(1)))
}

func finds(f providers.Finding) *moderator {
	return &moderator{name: "test/1", answer: func(context.Context, int) (providers.Finding, error) { return f, nil }}
}

type fixture struct {
	*safety.Service

	store     *postgres.Store
	moderator *moderator
	user      db.User
	now       time.Time
}

func setup(t *testing.T, j *moderator) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t), moderator: j, now: time.Now()}
	f.Service = safety.New(safety.Deps{
		Store: f.store, Moderator: j, NewID: factory.ID, Now: func() time.Time { return f.now },
	})
	f.user = factory.User(t, f.store, 0)
	return f
}

// review decides, and writes a yes down as the end of an attempt does.
func (f *fixture) review(ctx context.Context, request safety.DrawRequest, target *providers.Picture) error {
	approval, err := f.Review(ctx, request, target)
	if err != nil {
		return err
	}
	return f.RecordApproval(ctx, request.UserID, approval)
}

var picture = providers.Picture{ContentType: "image/png", Data: []byte("a picture")}

func (f *fixture) request() safety.DrawRequest {
	return safety.DrawRequest{UserID: f.user.ID, ProjectID: factory.ID(), JobID: factory.ID(), Prompt: providers.Prompt{Headline: "I built a robot"}}
}

// swap is a request for the picture with another face.
func (f *fixture) swap() safety.DrawRequest {
	request := f.request()
	request.Copy, request.Selfie, request.Consent = true, true, &safety.Consent{SubjectIsMe: true, AcceptedAt: f.now}
	return request
}

// copied is a request for a copy of the picture as it is.
func (f *fixture) copied() safety.DrawRequest {
	request := f.request()
	request.Copy = true
	return request
}

// target makes an asset of the picture.
func (f *fixture) target(t *testing.T, of uuid.UUID) uuid.UUID {
	t.Helper()
	id, sum := factory.ID(), md5.Sum(picture.Data)
	_, err := f.store.Pool().Exec(t.Context(), `insert into assets
		(id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
		values ($1, $2, 'copy_target', 'ready', 'user_assets', $4, 'image/png', 9, 1, 1, $3)`, id, of, hex.EncodeToString(sum[:]), id.String())
	require.NoError(t, err)
	return id
}

type event struct {
	Action string
	Meta   map[string]any
}

// events are the decisions that were written down, oldest first.
func (f *fixture) events(t *testing.T) []event {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(),
		"select action, meta from audit_logs where user_id = $1 and delta_credits = 0 order by seq", f.user.ID)
	require.NoError(t, err)
	defer rows.Close()
	var all []event
	for rows.Next() {
		var e event
		var meta json.RawMessage
		require.NoError(t, rows.Scan(&e.Action, &meta))
		require.NotContains(t, string(meta), "robot", "what the creator wrote is not noted")
		require.NoError(t, json.Unmarshal(meta, &e.Meta))
		all = append(all, e)
	}
	require.NoError(t, rows.Err())
	return all
}

func requireRefused(t *testing.T, err error, want *apperr.Error, rule safety.Rule) {
	t.Helper()
	require.ErrorIs(t, err, want)
	refusal := apperr.From(err)
	require.Equal(t, apperr.Forbidden, refusal.Kind)
	require.Equal(t, rule, refusal.Details["rule"])
	require.NotEmpty(t, refusal.Message)
}
