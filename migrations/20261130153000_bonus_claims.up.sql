-- Which addresses have had the sign-up bonus, also after their accounts are gone. Nothing here names an address: the hash has a
-- key that the database does not hold.

create table if not exists bonus_claims (
    -- HMAC-SHA256 of the address in lower case
    address_hash bytea primary key check (octet_length(address_hash) = 32),
    given_at timestamptz not null default now()
);

alter table bonus_claims enable row level security;
