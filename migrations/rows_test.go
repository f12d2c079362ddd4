package migrations_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// rows inserts a row into every table, with every foreign key set. The values are as the product writes them, since the tests of
// the invariants make one column invalid at a time. Pasted twice, it adds nothing the second time.
const rows = `
	begin;

	insert into users (id, email, username, full_name, dob, email_confirmed_at, credits) values
		('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'ada', 'Ada Lovelace', '1995-12-10', now(), 9),
		('00000000-0000-0000-0000-0000000000a2', 'bob@example.com', 'bob', 'Bob Ross', '1992-10-29', now(), 0)
	on conflict do nothing;
	insert into sessions (id, user_id, refresh_hash, previous_hash, rotation_nonce, idle_expires_at, expires_at) values
		('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000a1',
		decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'), decode(repeat('03', 16), 'hex'), now(), now())
	on conflict do nothing;
	insert into email_codes (user_id, purpose, code_hash, expires_at) values
		('00000000-0000-0000-0000-0000000000a1', 'confirm_email', decode(repeat('04', 32), 'hex'), now())
	on conflict do nothing;
	insert into password_resets (id, user_id, token_hash, expires_at) values
		('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000a1', decode(repeat('05', 32), 'hex'), now())
	on conflict do nothing;

	insert into second_factors (user_id, enabled, secret, key_id) values
		('00000000-0000-0000-0000-0000000000a1', true, decode(repeat('06', 48), 'hex'), decode(repeat('07', 8), 'hex'))
	on conflict do nothing;
	insert into recovery_codes (user_id, code_hash) values
		('00000000-0000-0000-0000-0000000000a1', decode(repeat('08', 32), 'hex'))
	on conflict do nothing;
	insert into second_factor_challenges (token_hash, user_id, credentials_version, by_cookie, expires_at) values
		(decode(repeat('09', 32), 'hex'), '00000000-0000-0000-0000-0000000000a1', 1, true, now())
	on conflict do nothing;

	insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5) values
		('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000a1', 'profile_photo', 'ready',
		'profile_photos', 'ada/1.png', 'image/png', 4096, 512, 512, md5('1')),
		('00000000-0000-0000-0000-0000000000d2', '00000000-0000-0000-0000-0000000000a1', 'render', 'ready',
		'renders', 'ada/2.png', 'image/png', 4096, 1280, 720, md5('2'))
	on conflict do nothing;
	update users set profile_photo_asset_id = '00000000-0000-0000-0000-0000000000d1'
	where id = '00000000-0000-0000-0000-0000000000a1';

	insert into projects (id, user_id, mode, platform, width, height, status, prompt_id, last_job_id) values
		('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000a1', 'design', 'youtube', 1280, 720,
		'done', '00000000-0000-0000-0000-0000000000f1', null)
	on conflict do nothing;
	insert into prompts (id, project_id, headline) values
		('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', 'I built a robot')
	on conflict do nothing;
	insert into jobs (id, project_id, user_id, prompt_id, mode, platform, model, quality, variants, width, height, seed,
		status, stage, progress, cost_credits, started_at, finished_at) values
		('00000000-0000-0000-0000-000000000101', '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000a1',
		'00000000-0000-0000-0000-0000000000f1', 'design', 'youtube', 'nano-banana', 'std', 2, 1280, 720, 7,
		'succeeded', 'done', 100, 1, now(), now())
	on conflict do nothing;
	insert into provider_slots (provider, slot, job_id) values ('gemini', 1, '00000000-0000-0000-0000-000000000101')
	on conflict do nothing;
	update projects set last_job_id = '00000000-0000-0000-0000-000000000101'
	where id = '00000000-0000-0000-0000-0000000000e1';
	insert into renders (id, job_id, variant, asset_id) values
		('00000000-0000-0000-0000-000000000201', '00000000-0000-0000-0000-000000000101', 1, '00000000-0000-0000-0000-0000000000d2')
	on conflict do nothing;

	insert into chats (id, user_id, project_id, last_seq) values
		('00000000-0000-0000-0000-000000000301', '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000e1', 1)
	on conflict do nothing;
	insert into messages (id, chat_id, seq, sender, content) values
		('00000000-0000-0000-0000-000000000401', '00000000-0000-0000-0000-000000000301', 1, 'user', 'Make it louder.')
	on conflict do nothing;

	insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after) values
		('00000000-0000-0000-0000-000000000501', '00000000-0000-0000-0000-0000000000a1', 'grant', null, 10, 10),
		('00000000-0000-0000-0000-000000000502', '00000000-0000-0000-0000-0000000000a1', 'job_charge',
		'00000000-0000-0000-0000-000000000101', -1, 9)
	on conflict do nothing;
	insert into outbox_mails (id, user_id, kind) values
		('00000000-0000-0000-0000-000000000601', '00000000-0000-0000-0000-0000000000a1', 'confirm_email')
	on conflict do nothing;
	insert into idempotency_keys (user_id, operation, key, request_hash, result, expires_at) values
		('00000000-0000-0000-0000-0000000000a1', 'queueProject', 'k1', decode(repeat('10', 32), 'hex'), '{}', now())
	on conflict do nothing;
	insert into erasures (user_id, final_at) values ('00000000-0000-0000-0000-0000000000a9', now())
	on conflict do nothing;
	insert into image_verdicts (md5, judge, sha256, finding, expires_at) values
		(md5('1'), 'local/1', decode(repeat('11', 32), 'hex'), '{}', now())
	on conflict do nothing;

	insert into storage_bindings (database_id) values ('00000000-0000-0000-0000-000000000701')
	on conflict do nothing;

	insert into bonus_claims (address_hash) values (decode(repeat('12', 32), 'hex'))
	on conflict do nothing;

	commit`

// filled returns a database with a row in every table.
func filled(t *testing.T) (dsn string, conn *pgx.Conn) {
	t.Helper()
	dsn = pgtest.New(t)
	conn = connect(t, dsn)
	paste(t, conn, rows)
	return dsn, conn
}

// counts returns the number of rows of each table.
func counts(t *testing.T, conn *pgx.Conn) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, table := range tables(t, conn) {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from "+pgx.Identifier{table}.Sanitize()).Scan(&n))
		all[table] = n
	}
	return all
}

// digest returns a hash of all rows.
func digest(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range tables(t, conn) {
		query := fmt.Sprintf("select coalesce(md5(string_agg(r::text, ' ' order by r::text)), '') from %s r", pgx.Identifier{table}.Sanitize())
		all[table] = list(t, conn, query)[0]
	}
	return all
}

func TestRows_everyTableTakesOne(t *testing.T) {
	t.Parallel()
	_, conn := filled(t)
	for table, n := range counts(t, conn) {
		require.NotZero(t, n, "the rows of this test have none for %s: add one", table)
	}
	before := digest(t, conn)
	paste(t, conn, rows)
	require.Equal(t, before, digest(t, conn), "a second time")
}

// A deleted account takes all its rows with it, whatever the order of the cascades. The ledger stays.
func TestRows_ofADeletedAccount(t *testing.T) {
	t.Parallel()
	_, conn := filled(t)
	_, err := conn.Exec(t.Context(), "delete from users where username = 'ada'")
	require.NoError(t, err)
	for table, n := range counts(t, conn) {
		switch table {
		case "users", "erasures", "provider_slots", "image_verdicts", "storage_bindings", "bonus_claims":
			// Bob, an account deleted long ago, rows without an account, and the hash of an address that had its bonus.
			require.Equal(t, 1, n, table)
		case "audit_logs":
			require.Equal(t, 2, n, table)
		default:
			require.Zero(t, n, table)
		}
	}
	require.Equal(t, []string{"2"}, list(t, conn, "select count(*)::text from audit_logs where user_id is null"))
	require.Equal(t, []string{"10", "-1"}, list(t, conn, "select delta_credits::text from audit_logs order by seq"))
}

// spoil runs a statement that must fail, deferred constraints included, and rolls it back.
func spoil(t *testing.T, conn *pgx.Conn, statement string) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), statement); err != nil {
		return err
	}
	_, err = tx.Exec(t.Context(), "set constraints all immediate")
	return err
}
