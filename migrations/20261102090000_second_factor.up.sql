-- The second factor of those who want one: time-based codes (RFC 6238), and codes for the day the phone is lost.

set local lock_timeout = '5s';
alter table users add column if not exists second_factor_enabled_at timestamptz;

-- At most one factor that counts and one that is being set up, for each account.
create table if not exists second_factors (
    user_id uuid not null references users (id) on delete cascade,
    -- false: set up, and still to be proved by a first code
    enabled boolean not null default false,
    -- encrypted; key_id names the key, so that what an old key sealed can be found and sealed anew
    secret bytea not null check (length(secret) > 28),
    key_id bytea not null check (length(key_id) = 8),
    -- the time step of the last code that was taken: none counts twice
    last_step bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (user_id, enabled)
);

create table if not exists recovery_codes (
    user_id uuid not null references users (id) on delete cascade,
    code_hash bytea not null check (length(code_hash) = 32),
    used_at timestamptz,
    primary key (user_id, code_hash)
);

-- Sign-ins whose password was right, waiting for the second factor.
create table if not exists second_factor_challenges (
    token_hash bytea primary key check (length(token_hash) = 32),
    user_id uuid not null references users (id) on delete cascade,
    -- users.credentials_version when the password was checked
    credentials_version bigint not null,
    -- whether the refresh token was asked for as a cookie
    by_cookie boolean not null,
    attempts int not null default 0 check (attempts >= 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);

create index if not exists second_factor_challenges_user_idx on second_factor_challenges (user_id);
create index if not exists second_factor_challenges_expiry_idx on second_factor_challenges (expires_at);

alter table second_factors enable row level security;
alter table recovery_codes enable row level security;
alter table second_factor_challenges enable row level security;
