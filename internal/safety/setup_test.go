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
type judge struct {
	name   string
	answer func(ctx context.Context, call int) (providers.Finding, error)
	calls  atomic.Int64
}

func (j *judge) Name() string { return j.name }

func (j *judge) Moderate(ctx context.Context, _ providers.Picture) (providers.Finding, error) {
	return j.answer(ctx, int(j.calls.Add(1)))
}

func finds(f providers.Finding) *judge {
	return &judge{name: "test/1", answer: func(context.Context, int) (providers.Finding, error) { return f, nil }}
}

type world struct {
	*safety.Service

	store *postgres.Store
	judge *judge
	user  db.User
	now   time.Time
}

func setup(t *testing.T, j *judge) *world {
	t.Helper()
	w := &world{store: factory.Store(t), judge: j, now: time.Now()}
	w.Service = safety.New(safety.Deps{
		Store: w.store, Moderator: j, NewID: factory.ID, Now: func() time.Time { return w.now },
	})
	w.user = factory.User(t, w.store, 0)
	return w
}

// review decides, and writes a yes down as the end of an attempt does.
func (w *world) review(ctx context.Context, wish safety.DrawRequest, target *providers.Picture) error {
	approval, err := w.Review(ctx, wish, target)
	if err != nil {
		return err
	}
	return w.RecordApproval(ctx, wish.UserID, approval)
}

var picture = providers.Picture{ContentType: "image/png", Data: []byte("a picture")}

func (w *world) wish() safety.DrawRequest {
	return safety.DrawRequest{UserID: w.user.ID, ProjectID: factory.ID(), JobID: factory.ID(), Prompt: providers.Prompt{Headline: "I built a robot"}}
}

// swap wishes a face into the picture.
func (w *world) swap() safety.DrawRequest {
	wish := w.wish()
	wish.Copy, wish.Selfie, wish.Consent = true, true, &safety.Consent{SubjectIsMe: true}
	return wish
}

// copied wishes the picture to be copied as it is.
func (w *world) copied() safety.DrawRequest {
	wish := w.wish()
	wish.Copy = true
	return wish
}

// target makes an asset of the picture.
func (w *world) target(t *testing.T, of uuid.UUID) uuid.UUID {
	t.Helper()
	id, sum := factory.ID(), md5.Sum(picture.Data)
	_, err := w.store.Pool().Exec(t.Context(), `insert into assets
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
func (w *world) events(t *testing.T) []event {
	t.Helper()
	rows, err := w.store.Pool().Query(t.Context(),
		"select action, meta from audit_logs where user_id = $1 and delta_credits = 0 order by seq", w.user.ID)
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
