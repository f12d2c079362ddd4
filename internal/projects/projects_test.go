package projects_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// gallery is the assets of all accounts.
type gallery struct {
	mu     sync.Mutex
	assets map[uuid.UUID]db.Asset
}

func (g *gallery) add(assetType string) uuid.UUID {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := factory.ID()
	g.assets[id] = db.Asset{ID: id, Type: assetType}
	return id
}

func (g *gallery) lookUp(_ context.Context, _ uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]db.Asset, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := map[uuid.UUID]db.Asset{}
	for _, id := range ids {
		if asset, ok := g.assets[id]; ok {
			found[id] = asset
		}
	}
	return found, nil
}

type fixture struct {
	*gallery

	service *projects.Service
	user    db.User
}

func setup(t *testing.T) *fixture {
	t.Helper()
	s := factory.Store(t)
	g := &gallery{assets: map[uuid.UUID]db.Asset{}}
	return &fixture{
		gallery: g, service: projects.NewService(s, g.lookUp, time.Now, factory.ID), user: factory.User(t, s, 0),
	}
}

func draft() projects.Draft {
	return projects.Draft{Mode: catalog.Design, Platform: "youtube", Prompt: projects.Prompt{Headline: "I built a robot"}}
}

func (f *fixture) create(t *testing.T, d projects.Draft) projects.Project {
	t.Helper()
	created, _, err := f.service.Create(t.Context(), f.user.ID, d, idempotency.Key{})
	require.NoError(t, err)
	return created
}

func TestCreateProject_fillsTheSizeFromThePlatform(t *testing.T) {
	t.Parallel()
	f := setup(t)
	created := f.create(t, draft())
	require.EqualValues(t, 1280, created.Width)
	require.EqualValues(t, 720, created.Height)
	require.Equal(t, "draft", created.Status)
	read, err := f.service.Get(t.Context(), f.user.ID, created.ID)
	require.NoError(t, err)
	require.Equal(t, created.Prompt.Headline, read.Prompt.Headline)
	_, err = f.service.Get(t.Context(), factory.ID(), created.ID)
	require.ErrorIs(t, err, projects.ErrNotFound)
}

func TestCreateProject_400_everyBadReferenceAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	unknown, selfie := factory.ID(), f.add("selfie")
	d := draft()
	d.Mode = catalog.Copy
	d.Prompt.RefAssetIDs = []uuid.UUID{f.add("ref"), unknown, selfie}
	d.Prompt.SelfieAssetID = &selfie
	_, _, err := f.service.Create(t.Context(), f.user.ID, d, idempotency.Key{})
	var fields []string
	for _, f := range apperr.From(err).Fields {
		fields = append(fields, f.Field)
	}
	require.Equal(t, []string{"/prompt/copy_target_asset_id", "/prompt/ref_asset_ids/1", "/prompt/ref_asset_ids/2"}, fields)
}

// What a repeat refers to may be gone by now; its answer is not.
func TestCreateProject_repeatIsAnsweredAfterItsReferenceIsGone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	d := draft()
	ref := f.add("ref")
	d.Prompt.RefAssetIDs = []uuid.UUID{ref}
	key := idempotency.Key{Operation: "createProject", Value: "k", Hash: [32]byte{1}}
	first, _, err := f.service.Create(t.Context(), f.user.ID, d, key)
	require.NoError(t, err)
	f.mu.Lock()
	delete(f.assets, ref)
	f.mu.Unlock()
	again, replayed, err := f.service.Create(t.Context(), f.user.ID, d, key)
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first.ID, again.ID)
	require.True(t, first.CreatedAt.Equal(again.CreatedAt))
}

func TestUpdateProject_changesWhatIsGiven(t *testing.T) {
	t.Parallel()
	f := setup(t)
	seed, model := int64(7), "seedream"
	d := draft()
	d.Seed, d.ModelPref = &seed, &model
	project := f.create(t, d)
	shorts, none := "youtube_shorts", (*int64)(nil)
	updated, err := f.service.Update(t.Context(), f.user.ID, project.ID, projects.Change{Platform: &shorts, Seed: &none})
	require.NoError(t, err)
	require.EqualValues(t, 1080, updated.Width, "a new platform brings its size")
	require.Nil(t, updated.Seed)
	require.Equal(t, "seedream", *updated.ModelPref)
	require.Equal(t, project.Prompt.ID, updated.Prompt.ID)
	require.Equal(t, project.Version+1, updated.Version)

	prompt := projects.Prompt{Headline: "I built two"}
	updated, err = f.service.Update(t.Context(), f.user.ID, project.ID, projects.Change{Prompt: &prompt})
	require.NoError(t, err)
	require.Equal(t, "I built two", updated.Prompt.Headline)
	require.NotEqual(t, project.Prompt.ID, updated.Prompt.ID, "prompts never change")
	require.EqualValues(t, 1080, updated.Width)
}

// A picture that was deleted keeps nothing else from being changed. A new prompt has to do without it.
func TestUpdateProject_afterItsPicturesWereDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	d := draft()
	target := f.add("copy_target")
	d.Mode, d.Prompt.RefAssetIDs, d.Prompt.CopyTargetAssetID = catalog.Copy, []uuid.UUID{f.add("ref")}, &target
	project := f.create(t, d)
	f.mu.Lock()
	clear(f.assets)
	f.mu.Unlock()

	model, wide := "seedream", int32(1920)
	choice := &model
	updated, err := f.service.Update(t.Context(), f.user.ID, project.ID, projects.Change{ModelPref: &choice, Width: &wide})
	require.NoError(t, err)
	require.Equal(t, "seedream", *updated.ModelPref)
	require.Equal(t, project.Prompt.ID, updated.Prompt.ID)

	_, err = f.service.Update(t.Context(), f.user.ID, project.ID, projects.Change{Prompt: &d.Prompt})
	var fields []string
	for _, failed := range apperr.From(err).Fields {
		fields = append(fields, failed.Field)
	}
	require.Equal(t, []string{"/prompt/ref_asset_ids/0", "/prompt/copy_target_asset_id"}, fields)
	design := catalog.Design
	_, err = f.service.Update(t.Context(), f.user.ID, project.ID, projects.Change{Mode: &design, Prompt: &projects.Prompt{Headline: "Mine"}})
	require.NoError(t, err)
}

func TestUpdateProject_409_ofManyWithOneVersionOneWins(t *testing.T) {
	t.Parallel()
	f := setup(t)
	project := f.create(t, draft())
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			change := projects.Change{Prompt: &projects.Prompt{Headline: "mine"}, RequireVersions: []int64{project.Version}}
			switch _, err := f.service.Update(t.Context(), f.user.ID, project.ID, change); {
			case err == nil:
				won.Add(1)
			case apperr.From(err).Code == apperr.CodeVersionConflict:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 9, lost.Load())
}
