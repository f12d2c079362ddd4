package account_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// populated makes an account with something in every table, and five objects in storage, one of them astray.
func (f *fixture) populated(t *testing.T, username string) (db.User, auth.Session) {
	t.Helper()
	user, session := f.member(t, username)
	_, err := credits.Give(t.Context(), f.store.Queries(), credits.Grant{
		ID: factory.ID(), UserID: user.ID, Amount: 7, Reason: credits.Granted,
	})
	require.NoError(t, err)
	photo := f.asset(t, user.ID, "profile_photo", storage.BucketProfilePhotos, "")
	f.asset(t, user.ID, "selfie", storage.BucketUserAssets, "")
	f.asset(t, user.ID, "ref", storage.BucketUserAssets, "signups/"+factory.ID().String()+".png")
	render := f.asset(t, user.ID, "render", storage.BucketRenders, "")
	f.put(t, storage.BucketRenders, user.ID.String()+"/render/without_a_row.png")
	project := factory.Project(t, f.store, user.ID, nil)
	_, err = f.store.Pool().Exec(t.Context(), "update users set profile_photo_asset_id = $2 where id = $1", user.ID, photo)
	require.NoError(t, err)
	_, err = f.store.Pool().Exec(t.Context(), `with job as (
			insert into jobs (id, project_id, user_id, prompt_id, mode, platform, model, quality, variants, width, height, seed, cost_credits)
			select gen_random_uuid(), p.id, p.user_id, p.prompt_id, p.mode, p.platform, 'nano_banana', 'std', 1, 1, 1, 1, 0
			from projects p where p.id = $1 returning id
		), render as (
			insert into renders (id, job_id, variant, asset_id) select gen_random_uuid(), id, 1, $3 from job
		), chat as (
			insert into chats (id, user_id, last_seq) values (gen_random_uuid(), $2, 1) returning id
		), message as (
			insert into messages (id, chat_id, seq, sender, content) select gen_random_uuid(), id, 1, 'user', 'my secret diary' from chat
		)
		update projects set last_job_id = (select id from job) where id = $1`, project.ID, user.ID, render)
	require.NoError(t, err)
	return user, session
}

func TestDelete_204_nothingPersonalIsLeft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, session := f.populated(t, "ada")
	tables := []string{
		"users", "sessions", "assets", "projects", "prompts", "jobs", "renders", "chats", "messages", "outbox_mails",
	}
	before := map[string]string{}
	count := func(table string) string { return f.text(t, "select count(*) from "+table) }
	for _, table := range tables {
		require.NotEqual(t, "0", count(table), "nothing to delete in %s proves nothing", table)
		before[table] = count(table)
	}
	grace, hers := f.populated(t, "grace")
	require.Equal(t, 10, f.stored(t))

	require.NoError(t, f.Delete(t.Context(), user.ID, goodPassword, here))
	_, err := f.auth.Authenticate(t.Context(), session.AccessToken)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	for _, table := range tables {
		require.Equal(t, before[table], count(table), "%s: only grace's rows are left", table)
	}
	require.Equal(t, 5, f.stored(t), "grace's")
	_, err = f.auth.Authenticate(t.Context(), hers.AccessToken)
	require.NoError(t, err)
	require.EqualValues(t, 7, factory.Balance(t, f.store, grace.ID))

	require.Equal(t, "0", f.text(t, "select count(*) from bonus_claims"), "none of them had the bonus")

	nameless := "from audit_logs where user_id is null"
	require.Equal(t, "1", f.text(t, "select count(*) "+nameless+" and delta_credits = 7"), "the ledger stays")
	require.Equal(t, "1", f.text(t, "select count(*) "+nameless+" and action = 'account_deleted'"))
	require.Equal(t, "0", f.text(t, "select count(*) "+nameless+" and (ip is not null or user_agent is not null)"))
	for _, personal := range []string{"ada@example.com", here.IP, here.UserAgent} {
		require.NotContains(t, f.text(t, "select string_agg(a::text, '') from audit_logs a where user_id is null"), personal)
	}
}

func TestDelete_401_wrongPassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, session := f.member(t, "ada")
	require.ErrorIs(t, f.Delete(t.Context(), user.ID, "not the password", here), auth.ErrInvalidCredentials)
	_, err := f.auth.Authenticate(t.Context(), session.AccessToken)
	require.NoError(t, err)
	require.Equal(t, "1", f.text(t, "select count(*) from audit_logs where action = 'password_refused'"))
}

func TestDelete_ofFiveAtOnceOneDeletes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.populated(t, "ada")
	var deleted atomic.Int32
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			switch err := f.Delete(t.Context(), user.ID, goodPassword, here); {
			case err == nil:
				deleted.Add(1)
			case !errors.Is(err, auth.ErrInvalidCredentials) && !errors.Is(err, auth.ErrUnauthenticated):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, deleted.Load())
	require.Zero(t, f.stored(t))
}

func TestDelete_204_whileStorageIsAwayTheObjectsGoLater(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.populated(t, "ada")
	f.objects.away.Store(true)
	require.NoError(t, f.Delete(t.Context(), user.ID, goodPassword, here))
	require.Equal(t, 5, f.stored(t))
	require.Contains(t, f.log.String(), "left to a later pass")
	require.NotContains(t, f.log.String(), "ada@example.com")

	f.due(t)
	require.ErrorIs(t, f.EraseDue(t.Context()), storage.ErrUnavailable)
	require.NoError(t, f.EraseDue(t.Context()), "not at once again")
	require.Equal(t, "1", f.text(t, "select attempt from erasures"))
	f.objects.away.Store(false)
	f.due(t)
	require.NoError(t, f.EraseDue(t.Context()))
	require.Zero(t, f.stored(t))
}

func TestDelete_aCrashAfterTheCommitForgetsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.populated(t, "ada")
	f.objects.deadly.Store(true)
	require.Panics(t, func() { _ = f.Delete(t.Context(), user.ID, goodPassword, here) })
	require.Equal(t, "0", f.text(t, "select count(*) from users"))
	require.Equal(t, user.ID.String(), f.text(t, "select user_id from erasures"))
	f.objects.deadly.Store(false)
	f.due(t)
	require.NoError(t, f.EraseDue(t.Context()))
	require.Zero(t, f.stored(t))
}

func TestEraseDue_looksOnceMoreForWhatArrivesLate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	require.NoError(t, f.Delete(t.Context(), user.ID, goodPassword, here))
	late := user.ID.String() + "/render/late.png"
	f.put(t, storage.BucketRenders, late)
	require.NoError(t, f.EraseDue(t.Context()))
	require.Equal(t, 1, f.stored(t), "its last pass is tomorrow")

	_, err := f.store.Pool().Exec(t.Context(), "update erasures set final_at = now(), run_at = now()")
	require.NoError(t, err)
	require.NoError(t, f.EraseDue(t.Context()))
	require.Zero(t, f.stored(t))
	require.Equal(t, "0", f.text(t, "select count(*) from erasures"), "then nothing is left to do")
}

func (f *fixture) due(t *testing.T) {
	t.Helper()
	_, err := f.store.Pool().Exec(t.Context(), "update erasures set run_at = now()")
	require.NoError(t, err)
}

// The bonus is given once for each address, so what has had it outlives the account, without its name.
func TestDelete_204_keepsThatTheAddressHadItsBonus(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	_, err := credits.Give(t.Context(), f.store.Queries(), credits.Grant{
		ID: factory.ID(), UserID: user.ID, Amount: 7, Reason: credits.SignupBonus,
	})
	require.NoError(t, err)
	require.NoError(t, f.Delete(t.Context(), user.ID, goodPassword, here))
	require.Equal(t, "1", f.text(t, "select count(*) from bonus_claims"))
}
