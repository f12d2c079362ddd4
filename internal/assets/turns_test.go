package assets_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// heldChecker holds the checks of references until it is told, and lets all others pass.
type heldChecker struct {
	entered chan struct{}
	goOn    chan struct{}
}

func (h heldChecker) Check(ctx context.Context, body io.Reader, want inspect.Wanted) (inspect.Picture, error) {
	if !want.Portrait {
		h.entered <- struct{}{}
		select {
		case <-h.goOn:
		case <-ctx.Done():
			return inspect.Picture{}, ctx.Err()
		}
	}
	return anything{}.Check(ctx, body, want)
}

// However many uploads an account completes at once, one of them is checked, and another account's is at once.
func TestComplete_oneCheckAtATimeOfAnAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	held := heldChecker{entered: make(chan struct{}, 9), goOn: make(chan struct{})}
	f.Service = assets.New(assets.Deps{
		Store: f.store, Objects: f.objects, Checker: held, Now: f.now, NewID: factory.ID, Log: quiet(), Parallel: 2, MaxWait: time.Hour,
	})
	var hostile sync.WaitGroup
	for range 5 {
		id, _ := f.upload(t, assets.Reference, "image/png", picture(t))
		user := f.user.ID
		hostile.Go(func() {
			if _, _, err := f.Complete(t.Context(), user, id); err != nil {
				t.Error(err)
			}
		})
	}
	<-held.entered
	f.user = factory.User(t, f.store, 0)
	id, _ := f.upload(t, assets.Selfie, "image/jpeg", face(t))
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.Empty(t, held.entered, "no second one of the same account")
	close(held.goOn)
	hostile.Wait()
	require.Len(t, held.entered, 4)
}

// One deadline holds for the wait and the check. What was not done in time may be asked for again.
func TestComplete_503_inTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	held := heldChecker{entered: make(chan struct{}, 9), goOn: make(chan struct{})}
	patient := f.Service
	f.Service = assets.New(assets.Deps{
		Store: f.store, Objects: f.objects, Checker: held, Now: f.now, NewID: factory.ID, Log: quiet(), Parallel: 1, MaxWait: 50 * time.Millisecond,
	})
	ids := make([]uuid.UUID, 2)
	for i := range ids {
		ids[i], _ = f.upload(t, assets.Reference, "image/png", picture(t))
	}
	var both sync.WaitGroup
	for _, id := range ids {
		both.Go(func() {
			_, _, err := f.Complete(t.Context(), f.user.ID, id)
			if failed := apperr.From(err); failed.Kind != apperr.Unavailable || failed.RetryAfter != 50*time.Millisecond {
				t.Errorf("complete: %v", err)
			}
		})
	}
	both.Wait()
	for _, id := range ids {
		_, created, err := patient.Complete(t.Context(), f.user.ID, id)
		require.NoError(t, err)
		require.True(t, created)
	}
}
