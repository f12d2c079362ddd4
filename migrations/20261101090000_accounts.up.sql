-- Accounts and what proves who somebody is. Nothing here refers to any later table, so that it can stand alone.

create table if not exists users (
    id uuid primary key,
    email text not null check (length(email) between 3 and 254),
    username text not null check (username ~ '^[A-Za-z0-9._-]{3,30}$'),
    full_name text not null check (length(full_name) between 1 and 120),
    dob date not null,
    -- null: an account without a password, which signs in through a social provider
    password_hash text,
    -- grows with every change of what proves the account's identity: what was begun under an older one is not finished
    credentials_version bigint not null default 1,
    email_confirmed_at timestamptz,
    profile_photo_asset_id uuid,
    plan text not null default 'free' check (plan in ('free', 'pro', 'studio')),
    credits bigint not null default 0 constraint users_credits_not_negative check (credits >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Addresses and names are unique without regard to case, whatever the code does.
create unique index if not exists users_email_key on users (lower(email));
create unique index if not exists users_username_key on users (lower(username));

-- One row for each sign-in. Only hashes of refresh tokens are kept: of the current one, and of the one before it,
-- which is answered for a few seconds more.
create table if not exists sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    refresh_hash bytea not null check (length(refresh_hash) = 32),
    previous_hash bytea check (length(previous_hash) = 32),
    -- makes the successor of the previous token unpredictable; see internal/auth/token
    rotation_nonce bytea check (length(rotation_nonce) = 16),
    rotated_at timestamptz,
    user_agent text not null default '',
    ip text not null default '',
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoke_reason text check (revoke_reason in ('signed_out', 'revoked', 'token_reused', 'password_changed', 'expired'))
);

create index if not exists sessions_user_idx on sessions (user_id, id desc);
create index if not exists sessions_expiry_idx on sessions (expires_at);

-- One-time codes, newest only: a new code replaces the row of the account and purpose.
create table if not exists email_codes (
    user_id uuid not null references users (id) on delete cascade,
    purpose text not null check (purpose in ('confirm_email')),
    code_hash bytea not null check (length(code_hash) = 32),
    attempts int not null default 0 check (attempts >= 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (user_id, purpose)
);

create table if not exists password_resets (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    token_hash bytea not null check (length(token_hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);

create unique index if not exists password_resets_token_key on password_resets (token_hash);
create index if not exists password_resets_user_idx on password_resets (user_id);
create index if not exists password_resets_expiry_idx on password_resets (expires_at);
