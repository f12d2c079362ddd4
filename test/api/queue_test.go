package api_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestQueueProject_201(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 100)
	target := app.Picture(t, who, client.AssetTypeCopyTarget)
	left := int64(100)
	for _, c := range []struct {
		mode  client.ProjectMode
		order client.QueueRequest
		cost  int64
	}{
		{client.ProjectModeDesign, client.QueueRequest{Quality: client.QualityDraft, Variants: 1}, 1},
		{client.ProjectModeDesign, client.QueueRequest{Quality: client.QualityStd, Variants: 4}, 8},
		{client.ProjectModeDesign, client.QueueRequest{Quality: client.QualityN4K, Variants: 2, Model: new(client.ModelIDNanoBananaPro)}, 10},
		{client.ProjectModeDesign, client.QueueRequest{Quality: client.QualityDraft, Variants: 1, Model: new(client.ModelIDFalFlux)}, 1},
		{client.ProjectModeCopy, client.QueueRequest{Quality: client.QualityStd, Variants: 1}, 3},
		{client.ProjectModeCopy, client.QueueRequest{Quality: client.Quality("4k"), Variants: 3, Model: new(client.ModelIDSeedream)}, 18},
	} {
		wish := draft()
		if wish.Mode = c.mode; c.mode == client.ProjectModeCopy {
			wish.Prompt.CopyTargetAssetID = &target
		}
		project := createProject(t, who, wish)
		res, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, c.order)
		require.NoError(t, err)
		require.NotNil(t, res.JSON201, "%s", res.Body)
		left -= c.cost
		require.Equal(t, []int64{c.cost, left}, []int64{res.JSON201.CostCredits, res.JSON201.CreditsLeft})

		job := getJob(t, who, res.JSON201.JobID)
		require.Equal(t, client.JobStatusQueued, job.Status)
		require.Equal(t, client.JobStageWaiting, job.Stage)
		require.Equal(t, project.ID, job.ProjectID)
		require.Equal(t, c.cost, job.CostCredits)
		if c.order.Model != nil {
			require.Equal(t, *c.order.Model, job.Model)
		}
	}
	require.Equal(t, left, balance(t, who))
}

func TestQueueProject_201_projectIsQueued(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, job := queuedJob(t, app, 1)
	res, err := who.GetProjectWithResponse(t.Context(), getJob(t, who, job.JobID).ProjectID)
	require.NoError(t, err)
	require.Equal(t, client.ProjectStatusQueued, res.JSON200.Status)
	require.EqualValues(t, 1, res.JSON200.Version, "a change of status is no edit")
}

func TestQueueProject_201_replayed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	project := createProject(t, who, draft())
	params := &client.QueueProjectParams{IdempotencyKey: new("once")}
	first, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, order())
	require.NoError(t, err)
	require.NotNil(t, first.JSON201, "%s", first.Body)
	require.Nil(t, first.Headers201.IdempotentReplayed)
	again, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, order())
	require.NoError(t, err)
	require.NotNil(t, again.JSON201, "%s", again.Body)
	require.Equal(t, new("true"), again.Headers201.IdempotentReplayed)
	require.Equal(t, string(first.Body), string(again.Body))
	require.EqualValues(t, 4, balance(t, who), "paid once")

	// The same request in another notation: members in another order, defaults spelt out.
	res := app.Do(t, "POST", apptest.BasePath+"/project/"+project.ID.String()+"/queue", ` {"variants": 1, "quality":"draft"}`,
		"Authorization", "Bearer "+who.Session.SessionToken, "Content-Type", "application/json", "Idempotency-Key", "once")
	require.Equal(t, 201, res.Status, "%s", res.Body)
	require.Equal(t, "true", res.Header.Get("Idempotent-Replayed"))

	app.Clock.Advance(25 * time.Hour)
	who = app.SignIn(t, who.Email)
	late, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, order())
	require.NoError(t, err)
	require.NotNil(t, late.JSON201, "%s", late.Body)
	require.NotEqual(t, first.JSON201.JobID, late.JSON201.JobID, "keys live for 24 hours")
}

func TestQueueProject_201_keysArePerAccount(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for range 2 {
		who := app.SignUp(t)
		app.Grant(t, who.Email, 5)
		res, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID,
			&client.QueueProjectParams{IdempotencyKey: new("once")}, order())
		require.NoError(t, err)
		require.NotNil(t, res.JSON201, "%s", res.Body)
		require.Nil(t, res.Headers201.IdempotentReplayed)
	}
}

func TestQueueProject_409_idempotencyConflict(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	project := createProject(t, who, draft())
	params := &client.QueueProjectParams{IdempotencyKey: new("once")}
	_, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, order())
	require.NoError(t, err)
	another := order()
	another.Variants = 2
	res, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, another)
	require.NoError(t, err)
	refused(t, res.JSON409, res.Body, client.ErrorCodeIdempotencyConflict)
	elsewhere, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID, params, order())
	require.NoError(t, err)
	refused(t, elsewhere.JSON409, elsewhere.Body, client.ErrorCodeIdempotencyConflict)
	require.EqualValues(t, 4, balance(t, who))
}

func TestQueueProject_409_insufficientCredits(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 3)
	project := createProject(t, who, draft())
	params := &client.QueueProjectParams{IdempotencyKey: new("once")}
	expensive := client.QueueRequest{Quality: client.QualityN4K, Variants: 1}
	res, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, expensive)
	require.NoError(t, err)
	problem := refused(t, res.JSON409, res.Body, client.ErrorCodeInsufficientCredits)
	require.Equal(t, map[string]any{"cost_credits": 4.0, "credits": 3.0}, problem.Details.AdditionalProperties)
	require.EqualValues(t, 3, balance(t, who))

	app.Grant(t, who.Email, 1)
	paid, err := who.QueueProjectWithResponse(t.Context(), project.ID, params, expensive)
	require.NoError(t, err)
	require.NotNil(t, paid.JSON201, "the key of a failure is free: %s", paid.Body)
}

// Fifty requests at once, through two processes, with credits for ten.
func TestQueueProject_409_fiftyAtOnceInTwoProcesses(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	other := apptest.New(t, apptest.Beside(app))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	project := createProject(t, who, draft())
	type outcome struct {
		job  uuid.UUID
		code client.ErrorCode
	}
	outcomes := make(chan outcome, 50)
	var calls sync.WaitGroup
	for i := range cap(outcomes) {
		c := []*apptest.App{app, other}[i%2].Client(who.Session.SessionToken)
		calls.Go(func() {
			res, err := c.QueueProjectWithResponse(t.Context(), project.ID, nil, order())
			for try := 0; try < 20 && err == nil && res.JSON503 != nil; try++ { // fifty at once are many for a busy machine
				res, err = c.QueueProjectWithResponse(t.Context(), project.ID, nil, order())
			}
			switch {
			case err != nil:
				t.Error(err)
			case res.JSON201 != nil:
				outcomes <- outcome{job: res.JSON201.JobID}
			case res.JSON409 != nil:
				outcomes <- outcome{code: res.JSON409.Error.Code}
			default:
				t.Errorf("%d: %s", res.StatusCode(), res.Body)
			}
		})
	}
	calls.Wait()
	close(outcomes)
	jobs, refusals := map[uuid.UUID]bool{}, 0
	for o := range outcomes {
		if o.code == "" {
			jobs[o.job] = true
			continue
		}
		require.Equal(t, client.ErrorCodeInsufficientCredits, o.code)
		refusals++
	}
	require.Len(t, jobs, 10)
	require.Equal(t, 40, refusals)

	listed, err := who.ListJobsWithResponse(t.Context(), &client.ListJobsParams{Limit: new(int64(100))})
	require.NoError(t, err)
	require.Len(t, listed.JSON200.Items, 10)
	ledger, err := who.ListCreditsWithResponse(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, ledger.JSON200.Balance)
	charges := 0
	for _, e := range ledger.JSON200.Items {
		if e.Reason == client.CreditReasonJobCharge {
			charges++
			require.True(t, jobs[*e.JobID])
			delete(jobs, *e.JobID)
		}
	}
	require.Equal(t, 10, charges)
}

func TestQueueProject_409_modelUnavailable(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, studio(paint))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	wish := draft()
	wish.ModelPref = new(client.ModelIDSeedream)
	project := createProject(t, who, wish)
	res, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, order())
	require.NoError(t, err)
	problem := refused(t, res.JSON409, res.Body, client.ErrorCodeModelUnavailable)
	require.Equal(t, map[string]any{"model": "seedream"}, problem.Details.AdditionalProperties)
	require.EqualValues(t, 5, balance(t, who))

	instead := order()
	instead.Model = new(client.ModelIDNanoBanana)
	queued, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, instead)
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
}

func TestQueueProject_409_modelCannotCopy(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	wish := draft()
	wish.Mode, wish.Prompt.CopyTargetAssetID = client.ProjectModeCopy, new(app.Picture(t, who, client.AssetTypeCopyTarget))
	o := order()
	o.Model = new(client.ModelIDFalFlux)
	res, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, wish).ID, nil, o)
	require.NoError(t, err)
	refused(t, res.JSON409, res.Body, client.ErrorCodeModelUnavailable)
}

// faceSwap makes a project that puts the creator's face into a copied picture.
func faceSwap(t *testing.T, app *apptest.App, who *apptest.Account) client.Project {
	t.Helper()
	wish := draft()
	wish.Mode, wish.Prompt.CopyTargetAssetID = client.ProjectModeCopy, new(app.Picture(t, who, client.AssetTypeCopyTarget))
	wish.Prompt.SelfieAssetID = new(app.Picture(t, who, client.AssetTypeSelfie))
	return createProject(t, who, wish)
}

func TestQueueProject_403_consent(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	project := faceSwap(t, app, who)
	queue := func(consent *client.Consent) *client.QueueProjectResponse {
		o := order()
		o.Consent = consent
		res, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, o)
		require.NoError(t, err)
		return res
	}
	none := queue(nil)
	require.Equal(t, []string{"body /consent: required"}, fields(t, refused(t, none.JSON400, none.Body, client.ErrorCodeValidationFailed)))
	for _, empty := range []client.Consent{{}, {SubjectIsMe: new(false), SubjectAgreed: new(false)}} {
		empty.AcceptedAt = app.Clock.Now()
		res := queue(&empty)
		refused(t, res.JSON403, res.Body, client.ErrorCodeFaceSwapBlocked)
	}
	require.EqualValues(t, 10, balance(t, who))
	require.NotNil(t, queue(&client.Consent{SubjectIsMe: new(true), AcceptedAt: app.Clock.Now()}).JSON201)
	require.NotNil(t, queue(&client.Consent{SubjectAgreed: new(true), AcceptedAt: app.Clock.Now()}).JSON201)
	require.EqualValues(t, 6, balance(t, who))
}

func TestQueueProject_409_assetMissing(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	project := faceSwap(t, app, who)
	deleted, err := who.DeleteAssetWithResponse(t.Context(), *project.Prompt.CopyTargetAssetID)
	require.NoError(t, err)
	require.Equal(t, 204, deleted.StatusCode(), "%s", deleted.Body)

	o := order()
	o.Consent = &client.Consent{SubjectIsMe: new(true), AcceptedAt: app.Clock.Now()}
	res, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, o)
	require.NoError(t, err)
	problem := refused(t, res.JSON409, res.Body, client.ErrorCodeAssetMissing)
	require.Len(t, problem.Details.Fields, 1)
	require.Equal(t, "/prompt/copy_target_asset_id", problem.Details.Fields[0].Field)
	require.EqualValues(t, 10, balance(t, who), "nothing was charged")

	changed, err := who.UpdateProjectWithResponse(t.Context(), project.ID, nil, client.ProjectUpdate{Width: new(int64(1920))})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
}

func TestQueueProject_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	project := createProject(t, app.SignUp(t), draft())
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	for _, id := range []uuid.UUID{project.ID, uuid.New()} {
		res, err := who.QueueProjectWithResponse(t.Context(), id, nil, order())
		require.NoError(t, err)
		refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
	}
	require.EqualValues(t, 5, balance(t, who))
}
