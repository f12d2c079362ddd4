package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

// sessionsTopic is where API processes hear of accounts some of whose sessions have ended.
const sessionsTopic = "sessions"

// publishTimeout bounds the publishing of an event that no answer depends on.
const publishTimeout = time.Second

// announceSessionsEnd tells all API processes that some sessions of an account have ended. A failure is only logged: a
// stream looks for itself at its next heartbeat.
func (a *App) announceSessionsEnd(ctx context.Context, userID uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if err := a.hub.Publish(ctx, sessionsTopic, []byte(userID.String())); err != nil {
		a.environment.Log.WarnContext(ctx, "the end of sessions is not announced", "user_id", userID, "error", err)
	}
}

// watchSessions has an edge end the streams of sessions that have ended, until the hub stops.
func (a *App) watchSessions(e *edge.Edge) {
	events.Follow(context.Background(), a.hub.Subscribe(sessionsTopic), sessionWatch{e}, func(error) {})
}

// sessionWatch is what an edge does with the events of sessionsTopic.
type sessionWatch struct{ edge *edge.Edge }

// Snapshot implements events.Handler: a new edge has no streams yet.
func (sessionWatch) Snapshot(context.Context) error { return nil }

// Handle implements events.Handler. Where events may be missing, every stream is rechecked.
func (w sessionWatch) Handle(_ context.Context, e *events.Event) error {
	w.edge.RecheckStreams(string(e.Payload)) //nolint:contextcheck // the question outlives the event
	return nil
}

// IdleTimeout implements events.Handler: streams look for themselves at each heartbeat.
func (sessionWatch) IdleTimeout() time.Duration { return 0 }
