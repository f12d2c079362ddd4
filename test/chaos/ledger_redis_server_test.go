//go:build redis_server

package chaos_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// invariants are what must hold in the end. Each query lists the rows that violate one, with the columns that help to find
// out why.
var invariants = []struct{ violation, query string }{
	{"jobs that have not ended", `
		select id, status, stage, attempt, waits_for, run_at < now() as due, pushes from jobs
		where status in ('queued', 'running') or finished_at is null`},
	{"leases that no worker gave back", `select id, status, lease_until from jobs where lease_until is not null`},
	{"provider slots that are still taken", `
		select s.provider, s.slot, j.id from provider_slots s join jobs j on j.id = s.job_id
		where j.status = 'running' and j.provider_slot = s.slot`},
	{"projects that still wait for a job", `select id, status, last_job_id from projects where status in ('queued', 'running')`},
	{"projects that tell something else than their last job", `
		select p.id, p.status as project, j.status as job from projects p join jobs j on j.id = p.last_job_id
		where p.status <> case j.status when 'succeeded' then 'done' when 'failed' then 'failed' when 'canceled' then 'draft' else p.status end`},
	{"jobs that were not charged exactly once", `
		select j.id, j.status, count(a.id) as charges, coalesce(sum(a.delta_credits), 0)::bigint as charged, j.cost_credits
		from jobs j left join audit_logs a on a.job_id = j.id and a.action = 'job_charge'
		group by j.id having count(a.id) <> 1 or sum(a.delta_credits) <> -j.cost_credits`},
	{"jobs that were not refunded exactly once what their end gives back, and never otherwise", `
		select j.id, j.status, j.variants_begun, j.refunded_credits, count(a.id) as refunds, coalesce(sum(a.delta_credits), 0)::bigint as refunded, j.cost_credits
		from jobs j left join audit_logs a on a.job_id = j.id and a.action = 'job_refund'
		group by j.id having count(a.id) <> (j.refunded_credits > 0)::int
			or coalesce(sum(a.delta_credits), 0) <> j.refunded_credits
			or j.refunded_credits <> case j.status when 'failed' then j.cost_credits
				when 'canceled' then j.cost_credits * (j.variants - j.variants_begun) / j.variants else 0 end`},
	{"entries of the ledger for jobs that do not exist", `
		select a.id, a.action, a.job_id from audit_logs a left join jobs j on j.id = a.job_id
		where a.action in ('job_charge', 'job_refund') and j.id is null`},
	{"accounts whose credits are not the sum of their ledger", `
		select u.id, u.credits, coalesce(sum(a.delta_credits), 0)::bigint as ledger from users u left join audit_logs a on a.user_id = u.id
		group by u.id having u.credits <> coalesce(sum(a.delta_credits), 0)`},
	{"entries of the ledger whose balance does not follow from the one before", `
		select * from (
			select id, user_id, action, delta_credits, balance_after,
				lag(balance_after, 1, 0::bigint) over (partition by user_id order by seq) as balance_before
			from audit_logs where balance_after is not null
		) chain where balance_before + delta_credits <> balance_after`},
	{"accounts whose credits are not the last balance of their ledger", `
		select u.id, u.credits, a.balance_after from users u join lateral (
			select balance_after from audit_logs where user_id = u.id and balance_after is not null order by seq desc limit 1
		) a on true where u.credits <> a.balance_after`},
	{"jobs that have not just the pictures that were ordered", `
		select j.id, j.status, j.variants, count(r.id) as pictures from jobs j left join renders r on r.job_id = j.id
		group by j.id having count(r.id) <> case j.status when 'succeeded' then j.variants else 0 end`},
	{"jobs that were begun more often than they may be", `select id, status, attempt from jobs where attempt > 4`},
	{"jobs that failed for a reason that nothing here explains", `
		select id, error_code, error_message from jobs
		where status = 'failed' and error_code not in ('content_blocked', 'provider_busy', 'worker_lost', 'internal')`},
}

// checkInvariants fails the test for every invariant that does not hold, with some of the rows that violate it.
func (f *fixture) checkInvariants(t *testing.T) {
	t.Helper()
	for _, p := range invariants {
		rows, err := f.sql.Query(t.Context(), p.query)
		require.NoError(t, err, p.violation)
		found, err := pgx.CollectRows(rows, describe)
		require.NoError(t, err, p.violation)
		report(t, p.violation, found)
	}
	report(t, "pictures of a worker whose lease was not the last", f.foreignPictures(t))
}

// describe writes a row as column=value pairs.
func describe(row pgx.CollectableRow) (string, error) {
	values, err := row.Values()
	words := make([]string, 0, len(values))
	for i, value := range values {
		if id, ok := value.([16]byte); ok {
			value = uuid.UUID(id)
		}
		words = append(words, fmt.Sprintf("%s=%v", row.FieldDescriptions()[i].Name, value))
	}
	return strings.Join(words, " "), err
}

// report fails the test for a violation, with three examples at most.
func report(t *testing.T, violation string, found []string) {
	t.Helper()
	if len(found) == 0 {
		return
	}
	lines := make([]string, 0, 4)
	for _, f := range found[:min(3, len(found))] {
		lines = append(lines, "  "+f)
	}
	if len(found) > 3 {
		lines = append(lines, "  …")
	}
	t.Errorf("VIOLATION: %d %s:\n%s", len(found), violation, strings.Join(lines, "\n"))
}

// foreignPictures lists pictures of jobs that a worker ended after it had lost the lease. The id of a picture is derived from
// the job's id and the number of the lease under which it was drawn, and so tells which lease that was.
func (f *fixture) foreignPictures(t *testing.T) (found []string) {
	t.Helper()
	rows, err := f.sql.Query(t.Context(),
		"select j.id, j.lease_token, j.attempt, r.variant, r.asset_id from renders r join jobs j on j.id = r.job_id order by j.id, r.variant")
	require.NoError(t, err)
	type picture struct {
		Job     uuid.UUID
		Lease   int64
		Attempt int32
		Variant int32
		Asset   uuid.UUID
	}
	pictures, err := pgx.CollectRows(rows, pgx.RowToStructByPos[picture])
	require.NoError(t, err)
	for _, p := range pictures {
		if p.Asset == uuid.NewSHA1(p.Job, fmt.Appendf(nil, "%d/%d", p.Lease, p.Variant)) {
			continue
		}
		by := "that of no lease"
		for lease := range p.Lease {
			if p.Asset == uuid.NewSHA1(p.Job, fmt.Appendf(nil, "%d/%d", lease, p.Variant)) {
				by = fmt.Sprintf("that of lease %d", lease)
			}
		}
		found = append(found, fmt.Sprintf("picture %d of job %s is %s, while lease %d was the last", p.Variant, p.Job, by, p.Lease))
	}
	return found
}

// unmatched lists objects in storage without a row, and rows without an object.
func (f *fixture) unmatched(t *testing.T, objects storage.Store) (orphans, missing []string) {
	t.Helper()
	stored := map[string]bool{}
	for cursor := ""; ; {
		page, err := objects.List(t.Context(), storage.BucketRenders, "", cursor, storage.MaxPage)
		require.NoError(t, err)
		for _, e := range page.Entries {
			if !assets.IsMarker(e.Path) {
				stored[e.Path] = true
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	rows, err := f.sql.Query(t.Context(), "select storage_path from assets where bucket = $1", storage.BucketRenders)
	require.NoError(t, err)
	paths, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, p := range paths {
		if !stored[p] {
			missing = append(missing, p)
		}
		delete(stored, p)
	}
	for p := range stored {
		orphans = append(orphans, p)
	}
	return orphans, missing
}
