-- What has to be true of the rows at any time, for `mugshot verify`: after a restore, or when somebody doubts it.

-- name: BooksJobPage :many
-- BooksJobPage walks all jobs by primary key and tells of each whether the ledger has what it should: one charge, one
-- refund if it ended without success, and none otherwise (audit_logs_job_action_key).
select j.id, (
    (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_charge') = 1
    and (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_refund')
        = (j.status in ('failed', 'canceled'))::int
)::bool as balanced
from jobs j
where j.id > @after
order by j.id
limit @page_size;

-- name: BooksAssetPage :many
-- BooksAssetPage walks all ready assets by primary key. Each has its object.
select id, bucket, storage_path, size_bytes
from assets
where status = 'ready' and id > @after
order by id
limit @page_size;
