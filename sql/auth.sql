-- name: UserGet :one
-- UserGet reads an account by its primary key.
select * from users where id = $1;

-- name: UserByEmail :one
-- UserByEmail finds an account by its address, without regard to case (users_email_key).
select * from users where lower(email) = lower(@email);

-- name: UserCreate :one
-- UserCreate adds an account. users_email_key and users_username_key refuse a second of either.
insert into users (id, email, username, full_name, dob, password_hash, created_at, updated_at)
values (@id, @email, @username, @full_name, @dob, @password_hash, @now, @now)
returning *;

-- name: AddressLock :exec
-- AddressLock lets the sign-ups of one address, and the requests for mails to it, wait for each other until the transaction
-- ends, whether or not there is an account that could be locked. It reads no table.
select pg_advisory_xact_lock(hashtextextended('address ' || lower(@email), 0));

-- name: UserLockReplaceable :many
-- UserLockReplaceable locks the accounts that a sign-up takes the place of: the one of its address, if that was never
-- confirmed, and the one of its username, if that was not confirmed in time (users_email_key, users_username_key). The case
-- keeps the planner from reading all of users_unconfirmed_idx.
select u.id from users u
where (lower(u.email) = lower(@email) or lower(u.username) = lower(@username))
    and case when u.email_confirmed_at is null
        then lower(u.email) = lower(@email) or u.created_at < @expired_before::timestamptz else false end
order by u.id
for update;

-- name: UserListUnconfirmed :many
-- UserListUnconfirmed lists accounts that were not confirmed in time, oldest first (users_unconfirmed_idx).
select id from users where email_confirmed_at is null and created_at < @before order by created_at limit @batch;

-- name: UserLockUnconfirmed :one
-- UserLockUnconfirmed locks an account by primary key. No row: it is gone, or confirmed.
-- plan: primary key only
select id from users where id = @id and case when email_confirmed_at is null then true else false end for update;

-- name: UserConfirmEmail :execrows
-- UserConfirmEmail marks the address as confirmed, once: the second call changes no row.
update users set email_confirmed_at = @now::timestamptz, updated_at = @now::timestamptz
where id = @id and email_confirmed_at is null;

-- name: UserRehash :exec
-- UserRehash replaces a password hash by a stronger one of the same password, unless it has changed meanwhile.
update users set password_hash = @new_hash where id = @id and password_hash = @old_hash;

-- name: SessionCreate :one
-- SessionCreate adds a sign-in, unless the account's credentials have changed since they were checked: then no row. The
-- share lock on the account orders it against such a change, which ends the sessions that it can see.
insert into sessions (id, user_id, refresh_hash, user_agent, ip, created_at, last_used_at, idle_expires_at, expires_at)
select
    @id::uuid, u.id, @refresh_hash::bytea, @user_agent::text, @ip::text, @now::timestamptz, @now::timestamptz,
    @idle_expires_at::timestamptz, @expires_at::timestamptz
from users u
where u.id = @user_id and u.credentials_version = @credentials_version
for share
returning *;

-- name: SessionGet :one
-- SessionGet reads a session by its primary key, dead or alive.
select * from sessions where id = $1;

-- name: SessionsAlive :many
-- SessionsAlive returns those of some sessions that may still be used: asked for every authenticated request, by primary
-- key.
select id, user_id from sessions
where id = any(@ids::uuid[]) and revoked_at is null
    and expires_at > @now::timestamptz and idle_expires_at > @now::timestamptz;

-- name: SessionRotate :execrows
-- SessionRotate spends the current refresh token. Of two callers with the same token one changes the row; the other
-- waits for its lock and then finds nothing.
update sessions
set previous_hash = refresh_hash, refresh_hash = @new_hash, rotation_nonce = @rotation_nonce,
    rotated_at = @now::timestamptz, last_used_at = @now::timestamptz, idle_expires_at = @idle_expires_at,
    user_agent = @user_agent, ip = @ip
where id = @id and refresh_hash = @old_hash and revoked_at is null
    and expires_at > @now::timestamptz and idle_expires_at > @now::timestamptz;

-- name: SessionRevoke :execrows
-- SessionRevoke ends one session of an account, once.
update sessions set revoked_at = @now::timestamptz, revoke_reason = @reason::text
where id = @id and user_id = @user_id and revoked_at is null;

-- name: EmailCodeReplace :execrows
-- EmailCodeReplace makes a code the newest, and so the only one, of its account and purpose. No row: a mail that was asked for
-- later than this one has brought a code already.
insert into email_codes (user_id, purpose, code_hash, mail_created_at, created_at, expires_at)
values (@user_id, @purpose, @code_hash, @mail_created_at::timestamptz, @now, @expires_at)
on conflict (user_id, purpose) do update
set code_hash = excluded.code_hash, attempts = 0, created_at = excluded.created_at,
    expires_at = excluded.expires_at, used_at = null, mail_created_at = excluded.mail_created_at
where email_codes.mail_created_at is null or email_codes.mail_created_at <= excluded.mail_created_at;

-- name: EmailCodeTry :one
-- EmailCodeTry counts a try against the newest code and returns its hash, and whether it was used already, while it may still
-- be tried. The count is taken in the statement itself, so that guesses side by side can't share one try.
update email_codes set attempts = attempts + 1
where user_id = @user_id and purpose = @purpose
    and expires_at > @now::timestamptz and attempts < @max_attempts
returning code_hash, (used_at is not null)::boolean as used;

-- name: EmailCodeUse :execrows
-- EmailCodeUse consumes a code, once.
update email_codes set used_at = @now::timestamptz
where user_id = @user_id and purpose = @purpose and code_hash = @code_hash and used_at is null;

-- name: UsernameExists :one
-- UsernameExists tells whether a username has an owner, without regard to case (users_username_key). An account that was
-- not confirmed in time owns none: the next sign-up takes its place.
select exists (
    select from users
    where lower(username) = lower(@username)
        and case when email_confirmed_at is null then created_at >= @expired_before::timestamptz else true end
);

-- name: UserSetPassword :execrows
-- UserSetPassword gives an account another password, unless its credentials have changed since they were read.
update users
set password_hash = @password_hash, credentials_version = credentials_version + 1, updated_at = @now::timestamptz
where id = @id and credentials_version = @credentials_version;

-- name: SessionList :many
-- SessionList is a page of an account's living sessions, newest first (sessions_living_idx).
-- plan: owner as array
select id, user_agent, ip, created_at, last_used_at from sessions
where user_id = any(array[@user_id::uuid]) and id < @before_id and revoked_at is null
    and expires_at > @now::timestamptz and idle_expires_at > @now::timestamptz
order by user_id, id desc
limit @page_size;

-- name: SessionRevokeOthers :execrows
-- SessionRevokeOthers ends all sessions of an account but one; the nil UUID keeps none (sessions_user_idx).
update sessions set revoked_at = @now::timestamptz, revoke_reason = @reason::text
where user_id = @user_id and id <> @keep_id and revoked_at is null;

-- name: PasswordResetCreate :exec
-- PasswordResetCreate keeps the hash of a reset token.
insert into password_resets (id, user_id, token_hash, created_at, expires_at)
values (@id, @user_id, @token_hash, @now, @expires_at);

-- name: PasswordResetFind :one
-- PasswordResetFind reads whose password a token may still reset (password_resets_token_key).
select users.* from password_resets join users on users.id = password_resets.user_id
where password_resets.token_hash = @token_hash and password_resets.used_at is null
    and password_resets.expires_at > @now::timestamptz;

-- name: PasswordResetUse :execrows
-- PasswordResetUse consumes a reset token, once.
update password_resets set used_at = @now::timestamptz
where token_hash = @token_hash and used_at is null and expires_at > @now::timestamptz;

-- name: PasswordResetVoid :exec
-- PasswordResetVoid consumes all reset tokens of an account (password_resets_user_idx).
update password_resets set used_at = @now::timestamptz where user_id = @user_id and used_at is null;

-- name: SecondFactorSetUp :execrows
-- SecondFactorSetUp keeps a secret that is still to be proved, in place of an earlier one, unless the account's credentials
-- have changed since they were read: then no row. The share lock on the account orders it against such a change.
insert into second_factors (user_id, enabled, secret, key_id, created_at)
select u.id, false, @secret::bytea, @key_id::bytea, @now::timestamptz
from users u
where u.id = @user_id and u.credentials_version = @credentials_version
for share
on conflict (user_id, enabled) do update
set secret = excluded.secret, key_id = excluded.key_id, last_step = 0, created_at = excluded.created_at;

-- name: SecondFactorGet :one
-- SecondFactorGet reads the factor that counts, or the one that is being set up, by primary key.
select * from second_factors where user_id = @user_id and enabled = @enabled;

-- name: SecondFactorEnable :execrows
-- SecondFactorEnable makes the secret that was set up the one that counts, unless it has been replaced meanwhile. The
-- one before has to be gone already.
update second_factors set enabled = true, last_step = @last_step
where user_id = @user_id and not enabled and secret = @secret;

-- name: SecondFactorDrop :exec
-- SecondFactorDrop forgets the factor that counts.
delete from second_factors where user_id = @user_id and enabled;

-- name: SecondFactorDropAll :exec
-- SecondFactorDropAll forgets the factor that counts and the one that is being set up.
delete from second_factors where user_id = @user_id;

-- name: SecondFactorTake :execrows
-- SecondFactorTake spends the code of a time step: it and those before it don't count any more.
update second_factors set last_step = @step where user_id = @user_id and enabled and last_step < @step;

-- name: SecondFactorReseal :execrows
-- SecondFactorReseal replaces a sealed secret by the same one sealed anew, unless it has changed meanwhile.
update second_factors set secret = @new_secret, key_id = @key_id
where user_id = @user_id and enabled = @enabled and secret = @old_secret;

-- name: SecondFactorListStale :many
-- SecondFactorListStale lists secrets that an old key sealed. It reads the whole table, which has a row for each
-- account with a second factor.
select * from second_factors where key_id <> @key_id order by user_id limit @batch;

-- name: UserSetSecondFactor :execrows
-- UserSetSecondFactor records whether an account has a second factor, unless its credentials have changed since they were
-- read.
update users
set second_factor_enabled_at = sqlc.narg('enabled_at'), credentials_version = credentials_version + 1, updated_at = @now::timestamptz
where id = @id and credentials_version = @credentials_version;

-- name: RecoveryCodeReplace :exec
-- RecoveryCodeReplace gives an account other recovery codes, or none.
with gone as (delete from recovery_codes where user_id = @user_id)
insert into recovery_codes (user_id, code_hash) select @user_id, unnest(@code_hashes::bytea[]);

-- name: RecoveryCodeUse :execrows
-- RecoveryCodeUse consumes a recovery code, once.
update recovery_codes set used_at = @now::timestamptz
where user_id = @user_id and code_hash = @code_hash and used_at is null;

-- name: ChallengeCreate :exec
-- ChallengeCreate records that a password was right and the second factor is to be proved.
insert into second_factor_challenges (token_hash, user_id, credentials_version, by_cookie, created_at, expires_at)
values (@token_hash, @user_id, @credentials_version, @by_cookie, @now, @expires_at);

-- name: ChallengeTry :one
-- ChallengeTry counts a try against a challenge while it may still be tried, in the statement itself, so that guesses side
-- by side can't share one.
update second_factor_challenges set attempts = attempts + 1
where token_hash = @token_hash and used_at is null and expires_at > @now::timestamptz and attempts < @max_attempts
returning *;

-- name: ChallengeUse :execrows
-- ChallengeUse consumes a challenge, once.
update second_factor_challenges set used_at = @now::timestamptz where token_hash = @token_hash and used_at is null;

-- name: SessionPrune :execrows
-- SessionPrune forgets sessions that ended long ago (sessions_expiry_idx).
delete from sessions
where id = any(array(select s.id from sessions s where s.expires_at < @before order by s.expires_at limit @batch));

-- name: PasswordResetPrune :execrows
-- PasswordResetPrune forgets reset tokens that expired long ago (password_resets_expiry_idx).
delete from password_resets where expires_at < @before;

-- name: ChallengePrune :execrows
-- ChallengePrune forgets challenges that expired long ago (second_factor_challenges_expiry_idx).
delete from second_factor_challenges where expires_at < @before;
