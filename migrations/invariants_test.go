package migrations_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// refusals lists the rules that the schema enforces whatever the code does: each statement makes the rows of rows_test.go invalid
// in one way, and is refused by the named constraint or unique index.
var refusals = []struct{ what, by, statement string }{
	// Money.
	{"negative credits", "users_credits_not_negative", `update users set credits = -1`},
	{"a negative balance in the ledger", "audit_logs_balance_after_check", `update audit_logs set balance_after = -1`},
	{"a change of credits without its balance", "audit_logs_ledger_is_whole", `update audit_logs set balance_after = null`},
	{
		"a second charge of a job", "audit_logs_job_action_key",
		`insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
			select gen_random_uuid(), user_id, action, job_id, delta_credits, balance_after - 1 from audit_logs where action = 'job_charge'`,
	},
	{
		"a second refund of a job", "audit_logs_job_action_key",
		`insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
			select gen_random_uuid(), user_id, 'job_refund', job_id, 1, 10 from audit_logs, generate_series(1, 2) where action = 'job_charge'`,
	},
	{"an address in place of its hash", "bonus_claims_address_hash_check", `update bonus_claims set address_hash = 'ada@example.com'`},
	{"a second bonus for an address", "bonus_claims_pkey", `insert into bonus_claims (address_hash) select address_hash from bonus_claims`},
	{"a job that pays", "jobs_cost_credits_check", `update jobs set cost_credits = -1, refunded_credits = 0`},
	{"a refund of more than the price", "jobs_refund_within_price", `update jobs set refunded_credits = cost_credits + 1`},
	{"more variants begun than ordered", "jobs_variants_begun_check", `update jobs set variants_begun = variants + 1`},

	// Storage.
	{"a second binding of the buckets", "storage_bindings_pkey", `insert into storage_bindings default values`},
	{"a binding beside the one", "storage_bindings_is_one", `insert into storage_bindings (only_row) values (false)`},

	// Jobs.
	{"a running job without a lease", "jobs_running_is_leased", `update jobs set status = 'running', finished_at = null`},
	{"a queued job with a lease", "jobs_running_is_leased", `update jobs set status = 'queued', finished_at = null, lease_until = now()`},
	{"a finished job with a lease", "jobs_running_is_leased", `update jobs set lease_until = now()`},
	{"a succeeded job without its end's date", "jobs_finished_is_dated", `update jobs set finished_at = null`},
	{"a canceled job without its end's date", "jobs_finished_is_dated", `update jobs set status = 'canceled', finished_at = null`},
	{"a queued job with its end's date", "jobs_finished_is_dated", `update jobs set status = 'queued'`},
	{"a running job with its end's date", "jobs_finished_is_dated", `update jobs set status = 'running', lease_until = now()`},
	{"a failed job without a reason", "jobs_failed_says_why", `update jobs set status = 'failed'`},
	{"a finished job that waits for its turn", "jobs_queued_alone_waits", `update jobs set waits_for = 'account'`},
	{
		"a job that waits for something else", "jobs_waits_for_check",
		`update jobs set status = 'queued', finished_at = null, lease_until = null, error_code = null, waits_for = 'lost'`,
	},
	{"a slot of no number", "provider_slots_slot_check", `update provider_slots set slot = 0`},
	{"a slot given twice", "provider_slots_pkey", `insert into provider_slots (provider, slot) select provider, slot from provider_slots`},
	{"a job of another status", "jobs_status_check", `update jobs set status = 'lost'`},
	{"a job of another stage", "jobs_stage_check", `update jobs set stage = 'lost'`},
	{"a job of another mode", "jobs_mode_check", `update jobs set mode = 'lost'`},
	{"a job of another quality", "jobs_quality_check", `update jobs set quality = '8k'`},
	{"a job more than done", "jobs_progress_check", `update jobs set progress = 101`},
	{"a job of no variants", "jobs_variants_check", `update jobs set variants = 0`},
	{"a job of five variants", "jobs_variants_check", `update jobs set variants = 5`},
	{"a job without width", "jobs_width_check", `update jobs set width = 0`},
	{"a job without height", "jobs_height_check", `update jobs set height = 0`},
	{"a job without its project", "jobs_project_id_fkey", `update jobs set project_id = gen_random_uuid()`},
	{"a fifth variant", "renders_variant_check", `update renders set variant = 5`},
	{
		"a variant rendered twice", "renders_job_variant_key",
		`insert into renders (id, job_id, variant, asset_id) select gen_random_uuid(), job_id, variant, '00000000-0000-0000-0000-0000000000d1' from renders`,
	},
	{
		"a picture of two variants", "renders_asset_key",
		`insert into renders (id, job_id, variant, asset_id) select gen_random_uuid(), job_id, 2, asset_id from renders`,
	},

	// Projects.
	{"a project of another mode", "projects_mode_check", `update projects set mode = 'lost'`},
	{"a project of another status", "projects_status_check", `update projects set status = 'lost'`},
	{"a project too narrow", "projects_width_check", `update projects set width = 63`},
	{"a project too wide", "projects_width_check", `update projects set width = 3841`},
	{"a project too low", "projects_height_check", `update projects set height = 63`},
	{"a project too high", "projects_height_check", `update projects set height = 3841`},
	{"a project without its prompt", "projects_prompt_fkey", `update projects set prompt_id = gen_random_uuid()`},

	// Pictures.
	{"a ready asset without a width", "assets_ready_is_measured", `update assets set width = null`},
	{"a ready asset without a height", "assets_ready_is_measured", `update assets set height = null`},
	{"a ready asset without a checksum", "assets_ready_is_measured", `update assets set md5 = null`},
	{"an asset without width", "assets_width_check", `update assets set width = 0`},
	{"an asset without height", "assets_height_check", `update assets set height = 0`},
	{"an empty asset", "assets_size_bytes_check", `update assets set size_bytes = 0`},
	{"something else than a checksum", "assets_md5_check", `update assets set md5 = upper(md5('x')) || 'g'`},
	{"an asset of another type", "assets_type_check", `update assets set type = 'lost'`},
	{"an asset of another status", "assets_status_check", `update assets set status = 'lost'`},
	{"an asset in another bucket", "assets_bucket_check", `update assets set bucket = 'lost'`},
	{"an asset of another format", "assets_content_type_check", `update assets set content_type = 'image/svg+xml'`},
	{"an object of two assets", "assets_object_key", `update assets set bucket = 'renders', storage_path = 'same'`},

	// Accounts.
	{"an address with another case", "users_email_key", `update users set email = 'ADA@example.com' where username = 'bob'`},
	{"a username with another case", "users_username_key", `update users set username = 'ADA' where username = 'bob'`},
	{"no address", "users_email_check", `update users set email = 'a@'`},
	{"an address too long for SMTP", "users_email_check", `update users set email = repeat('a', 255)`},
	{"a username of two letters", "users_username_check", `update users set username = 'ad'`},
	{"a username with a blank", "users_username_check", `update users set username = 'ada l'`},
	{"no name", "users_full_name_check", `update users set full_name = ''`},
	{"another plan", "users_plan_check", `update users set plan = 'lost'`},
	{"a profile photo that is not there", "users_profile_photo_fkey", `update users set profile_photo_asset_id = gen_random_uuid()`},

	// Credentials: hashes, never the secrets themselves.
	{"a refresh token", "sessions_refresh_hash_check", `update sessions set refresh_hash = 'token'`},
	{"an earlier refresh token", "sessions_previous_hash_check", `update sessions set previous_hash = 'token'`},
	{"a short nonce", "sessions_rotation_nonce_check", `update sessions set rotation_nonce = 'nonce'`},
	{"another reason to end a session", "sessions_revoke_reason_check", `update sessions set revoke_reason = 'lost'`},
	{"a code", "email_codes_code_hash_check", `update email_codes set code_hash = '123456'`},
	{"a code for something else", "email_codes_purpose_check", `update email_codes set purpose = 'lost'`},
	{"fewer than no attempts at a code", "email_codes_attempts_check", `update email_codes set attempts = -1`},
	{
		"a second code for one purpose", "email_codes_pkey",
		`insert into email_codes (user_id, purpose, code_hash, expires_at) select user_id, purpose, code_hash, expires_at from email_codes`,
	},
	{"a reset token", "password_resets_token_hash_check", `update password_resets set token_hash = 'token'`},
	{
		"two resets of one token", "password_resets_token_key",
		`insert into password_resets (id, user_id, token_hash, expires_at) select gen_random_uuid(), user_id, token_hash, expires_at from password_resets`,
	},
	{"a second factor that is not encrypted", "second_factors_secret_check", `update second_factors set secret = 'secret'`},
	{"a second factor without its key", "second_factors_key_id_check", `update second_factors set key_id = 'key'`},
	{
		"two second factors that count", "second_factors_pkey",
		`insert into second_factors (user_id, enabled, secret, key_id) select user_id, enabled, secret, key_id from second_factors`,
	},
	{"a recovery code", "recovery_codes_code_hash_check", `update recovery_codes set code_hash = 'code'`},
	{"a challenge's token", "second_factor_challenges_token_hash_check", `update second_factor_challenges set token_hash = 'token'`},
	{"fewer than no attempts at a challenge", "second_factor_challenges_attempts_check", `update second_factor_challenges set attempts = -1`},

	// Chats.
	{
		"a second message of one place", "messages_chat_seq_key",
		`insert into messages (id, chat_id, seq, sender) select gen_random_uuid(), chat_id, seq, sender from messages`,
	},
	{"a message before the first", "messages_seq_check", `update messages set seq = 0`},
	{"a message of another sender", "messages_sender_check", `update messages set sender = 'lost'`},
	{"a streaming reply without a lease", "messages_streaming_is_leased", `update messages set status = 'streaming'`},
	{"a message of another status", "messages_status_check", `update messages set status = 'lost'`},
	{"a reply that takes no slot", "messages_unfinished_has_place", `update messages set status = 'pending'`},
	{
		"two replies in one slot", "messages_place_key",
		`insert into messages (id, chat_id, seq, sender, status, user_id, place)
		select gen_random_uuid(), m.chat_id, m.seq + n, 'ai', 'pending', c.user_id, 1
		from messages m join chats c on c.id = m.chat_id cross join generate_series(1, 2) n`,
	},

	// Decisions of moderators.
	{"a decision on no picture", "image_verdicts_md5_check", `update image_verdicts set md5 = upper(md5('a'))`},
	{"a decision without a moderator", "image_verdicts_judge_check", `update image_verdicts set judge = ''`},
	{"a decision without the other sum", "image_verdicts_sha256_check", `update image_verdicts set sha256 = ''`},
	{
		"two decisions of one moderator", "image_verdicts_pkey",
		`insert into image_verdicts (md5, judge, sha256, finding, expires_at) select md5, judge, sha256, finding, expires_at from image_verdicts`,
	},

	// Idempotency keys and erasures.
	{"a mail being sent without a lease", "outbox_mails_sending_is_leased", `update outbox_mails set status = 'sending'`},
	{"a queued mail with a lease", "outbox_mails_sending_is_leased", `update outbox_mails set lease_until = now()`},
	{"a mail of another kind", "outbox_mails_kind_check", `update outbox_mails set kind = 'advertisement'`},
	{"a mail of another status", "outbox_mails_status_check", `update outbox_mails set status = 'lost'`},
	{"an idempotency key of nothing", "idempotency_keys_key_check", `update idempotency_keys set key = ''`},
	{"an idempotency key too long", "idempotency_keys_key_check", `update idempotency_keys set key = repeat('k', 256)`},
	{"an idempotency key without what was asked", "idempotency_keys_request_hash_check", `update idempotency_keys set request_hash = ''`},
	{
		"an idempotency key used twice", "idempotency_keys_pkey",
		`insert into idempotency_keys (user_id, operation, key, request_hash, expires_at)
			select user_id, operation, key, request_hash, expires_at from idempotency_keys`,
	},
}

func TestInvariants_refuseBadRows(t *testing.T) {
	t.Parallel()
	_, conn := filled(t)
	for _, refusal := range refusals {
		refused, ok := errors.AsType[*pgconn.PgError](spoil(t, conn, refusal.statement))
		require.True(t, ok, "%s was taken", refusal.what)
		require.Equal(t, refusal.by, refused.ConstraintName, "%s: %s", refusal.what, refused.Message)
	}
}

// Every constraint and unique index of the schema is tried by one of the refusals.
func TestInvariants_areAllTried(t *testing.T) {
	t.Parallel()
	_, conn := filled(t)
	tried := map[string]bool{}
	for _, refusal := range refusals {
		tried[refusal.by] = true
	}
	for _, rule := range list(t, conn, `
		select conname::text from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'x')
		union
		select indexrelid::regclass::text from pg_index join pg_class on oid = indexrelid
		where relnamespace = 'public'::regnamespace and indisunique and not indisprimary
		order by 1`) {
		require.True(t, tried[rule], "nothing is refused by %s: add a statement that is", rule)
	}
}
