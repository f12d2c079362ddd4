-- name: FindingGet :one
-- FindingGet reads what a moderator (column judge) found in the picture of these sums, by primary key. No row: the picture has
-- not been moderated, or so long ago that it has to be moderated again, or it only has the md5 of another one.
select finding from image_verdicts
where md5 = @md5 and judge = @judge and sha256 = @sha256 and expires_at > @now;

-- name: FindingGetByAsset :one
-- FindingGetByAsset reads what a moderator found in a ready picture of the account, by primary keys. It goes by the md5 alone,
-- so the caller may refuse by it and never allow. No row: nothing is known of the picture.
select f.finding
from assets a join image_verdicts f on f.md5 = a.md5
where a.id = @asset_id and a.user_id = @user_id and a.status = 'ready' and f.judge = @judge and f.expires_at > @now;

-- name: FindingStore :one
-- FindingStore stores what a moderator found, by primary key, and returns what is stored then: of simultaneous findings on one
-- picture the first holds for all. A finding that has expired, or is on another picture with this md5, is replaced.
insert into image_verdicts as f (md5, judge, sha256, finding, judged_at, expires_at)
values (@md5, @judge, @sha256, @finding, @now, @expires_at)
on conflict (md5, judge) do update
set finding = case when f.expires_at > @now and f.sha256 = excluded.sha256 then f.finding else excluded.finding end,
    judged_at = case when f.expires_at > @now and f.sha256 = excluded.sha256 then f.judged_at else excluded.judged_at end,
    expires_at = case when f.expires_at > @now and f.sha256 = excluded.sha256 then f.expires_at else excluded.expires_at end,
    sha256 = excluded.sha256
returning finding;

-- name: DecisionRecord :exec
-- DecisionRecord writes the audit entry that a job may be drawn, on its own, for its owner if the account is still there. It
-- does nothing where the entry exists.
insert into audit_logs (id, user_id, action, ip, user_agent, meta)
select @id, (select u.id from users u where u.id = @user_id), 'content_allowed', '', '', @meta::jsonb
on conflict (id) do nothing;

-- name: FindingExpire :execrows
-- FindingExpire deletes findings past their time, some at a time (image_verdicts_expiry_idx). Rows locked elsewhere are skipped.
delete from image_verdicts
where ctid = any(array(
    select e.ctid from image_verdicts e where e.expires_at <= @now order by e.expires_at limit @batch for update skip locked
));
