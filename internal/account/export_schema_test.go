package account_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// exportedAs names the member of the export that holds the rows of a table.
func exportedAs() map[string]string {
	return map[string]string{
		"users": "account", "sessions": "sessions", "assets": "assets", "projects": "projects", "prompts": "prompts", "jobs": "jobs",
		"renders": "renders", "chats": "chats", "messages": "messages", "audit_logs": "events", "outbox_mails": "mails",
	}
}

// The reasons why a table or a column is not exported.
const (
	secret  = "proves who the owner is, or is a hash of what does; an export is a file that lies about"
	working = "says how far our own work on the row has come, and nothing about its owner"
	owner   = "is the owner's id, which the export has as account.id"
	trace   = "leads operators from a row to its request in logs and traces"
	told    = "was told to the owner when it happened, and the exported status says how it ended"
	derived = "follows from other columns that are exported"
)

// tablesLeftOut are the tables that are not exported, with the reason.
func tablesLeftOut() map[string]string {
	return map[string]string{
		"email_codes": secret, "password_resets": secret, "second_factors": secret, "recovery_codes": secret,
		"second_factor_challenges": secret,
		"idempotency_keys":         "hashes of requests and results that other tables hold, for a day",
		"erasures":                 "of accounts that are gone",
		"provider_slots":           "of no account",
		"storage_bindings":         "of no account",
		"bonus_claims":             "hashes of addresses, of accounts and of those that are gone; the export has the bonus in its events",
		"image_verdicts":           "of pictures, by their sums: whose they are is not said",
	}
}

// columnsLeftOut are the columns of exported tables that are not exported, with the reason.
func columnsLeftOut() map[string]map[string]string {
	return map[string]map[string]string{
		"users": {"password_hash": secret + "; account.has_password says whether there is one", "credentials_version": working, "job_turns": working},
		"sessions": {
			"user_id": owner, "refresh_hash": secret, "previous_hash": secret, "rotation_nonce": secret, "rotated_at": working,
			"idle_expires_at": derived,
		},
		"assets":   {"user_id": owner, "reject_reason": told, "expires_at": working, "updated_at": working},
		"projects": {"user_id": owner, "version": working, "last_job_id": derived},
		"prompts":  {"normalized_jsonb": derived},
		"jobs": {
			"user_id": owner, "provider": working, "stage": working, "progress": working, "attempt": working, "provider_meta": working,
			"version": working, "run_at": working, "waits_for": working, "pushed_at": working, "pushes": working, "lease_until": working,
			"lease_token": working, "provider_slot": working, "handled_at": working, "request_id": trace, "traceparent": trace,
		},
		"chats": {"user_id": owner, "last_seq": derived, "updated_hour": derived},
		"messages": {
			"revision": working, "error_code": told, "error_message": told, "attempt": working, "run_at": working, "pushed_at": working,
			"pushes": working, "lease_until": working, "lease_token": working, "user_id": owner, "place": working, "request_id": trace,
			"traceparent": trace, "updated_at": working,
		},
		"audit_logs": {"user_id": owner, "seq": working},
		"outbox_mails": {
			"user_id": owner, "facts": told, "run_at": working, "attempt": working, "error": working,
			"pushed_at": working, "pushes": working, "lease_until": working, "lease_token": working, "request_id": trace,
			"traceparent": trace,
		},
	}
}

// columnsOf reads the tables of a database with their columns.
func columnsOf(t *testing.T, f *fixture) map[string][]string {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(), `select c.relname::text, a.attname::text
		from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname not like '%migrations'
			and a.attnum > 0 and not a.attisdropped
		order by 1, 2`)
	require.NoError(t, err)
	type column struct{ Table, Name string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	require.NoError(t, err)
	require.NotEmpty(t, columns)
	tables := map[string][]string{}
	for _, c := range columns {
		tables[c.Table] = append(tables[c.Table], c.Name)
	}
	return tables
}

// gaps holds the schema of a database against an export and the lists above: each table and each column has to stand in exactly
// one of them, and what the lists name has to exist.
func gaps(t *testing.T, f *fixture, document map[string]any) (found []string) {
	t.Helper()
	tables := columnsOf(t, f)
	for table, columns := range tables {
		section, exported := exportedAs()[table]
		reason, leftOut := tablesLeftOut()[table]
		if exported == leftOut || leftOut && reason == "" {
			found = append(found, table)
		}
		if !exported {
			continue
		}
		members := membersOf(t, document[section])
		for _, column := range columns {
			reason, leftOut := columnsLeftOut()[table][column]
			if slices.Contains(members, column) == leftOut || leftOut && reason == "" {
				found = append(found, table+"."+column)
			}
		}
	}
	slices.Sort(found)
	return append(found, outdated(tables)...)
}

// outdated lists what the lists above name and the schema does not have.
func outdated(tables map[string][]string) (found []string) {
	for _, named := range []map[string]string{exportedAs(), tablesLeftOut()} {
		for table := range named {
			if tables[table] == nil {
				found = append(found, table+" (no such table)")
			}
		}
	}
	for table, columns := range columnsLeftOut() {
		for column := range columns {
			if !slices.Contains(tables[table], column) {
				found = append(found, fmt.Sprintf("%s.%s (no such column)", table, column))
			}
		}
	}
	slices.Sort(found)
	return found
}

// membersOf lists what the rows of a section have as members; all have the same.
func membersOf(t *testing.T, section any) (names []string) {
	t.Helper()
	if list, ok := section.([]any); ok {
		require.NotEmpty(t, list, "an account without such rows proves nothing")
		section = list[0]
	}
	row, ok := section.(map[string]any)
	require.True(t, ok)
	for name := range row {
		names = append(names, name)
	}
	return names
}

// TestExport_holdsEveryColumn fails for a table or column that is neither exported nor left out with a reason. For one that
// holds something about its owner: add it to its query in sql/account.sql (of users: to exportedAccount) and to the Export
// schema of the spec. For any other: add it to the lists of this file. A new table's rows have to go with the account, too.
func TestExport_holdsEveryColumn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.populated(t, "ada")
	export, err := f.Export(t.Context(), user.ID, here)
	require.NoError(t, err)
	require.Empty(t, gaps(t, f, f.export(t, new(bytes.Buffer), export)))
}

// TestExport_missesANewColumn shows that the test above fails where it should: with a column more in any table, with a table
// more, and with a column less.
func TestExport_missesANewColumn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.populated(t, "ada")
	export, err := f.Export(t.Context(), user.ID, here)
	require.NoError(t, err)
	document := f.export(t, new(bytes.Buffer), export)
	var want []string
	for table := range exportedAs() {
		_, err := f.store.Pool().Exec(t.Context(), "alter table "+pgx.Identifier{table}.Sanitize()+" add column whim text")
		require.NoError(t, err)
		want = append(want, table+".whim")
	}
	_, err = f.store.Pool().Exec(t.Context(), "create table whims (user_id uuid); alter table jobs drop column traceparent")
	require.NoError(t, err)
	want = append(want, "whims", "jobs.traceparent (no such column)")
	require.ElementsMatch(t, want, gaps(t, f, document))
}
