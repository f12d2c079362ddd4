-- What a judge found in a picture, so that the same picture is judged once, and one that was refused is known when a job
-- is queued. It belongs to nobody: a row has sums of the picture and what is seen in it, and is forgotten after a while.

create table if not exists image_verdicts (
    -- of the bytes, as assets have it, in hexadecimal
    md5 text not null check (md5 ~ '^[0-9a-f]{32}$'),
    -- who judged, by which model and by which version of the questions
    judge text not null check (judge <> ''),
    -- of the same bytes: two pictures of one md5 can be made on purpose, and one must not vouch for the other
    sha256 bytea not null check (length(sha256) = 32),
    finding jsonb not null,
    judged_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (md5, judge)
);

create index if not exists image_verdicts_expiry_idx on image_verdicts (expires_at);

alter table image_verdicts enable row level security;
