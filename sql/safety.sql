-- name: VerdictGet :one
-- VerdictGet reads what a judge found in the picture of these sums, by primary key. No row: it has not been judged, or so
-- long ago that it has to be judged again, or the picture only has the md5 of another one.
select finding from image_verdicts
where md5 = @md5 and judge = @judge and sha256 = @sha256 and expires_at > @now;

-- name: VerdictGetByAsset :one
-- VerdictGetByAsset reads what a judge found in a ready picture of the account, by primary keys. It goes by the md5 alone,
-- so it may refuse and never allow.
select v.finding
from assets a join image_verdicts v on v.md5 = a.md5
where a.id = @asset_id and a.user_id = @user_id and a.status = 'ready' and v.judge = @judge and v.expires_at > @now;

-- name: VerdictKeep :one
-- VerdictKeep writes down what a judge found and returns what stands: of those who judge a picture at once the first is
-- right for all. What has expired, or was of another picture with this md5, is replaced.
insert into image_verdicts as v (md5, judge, sha256, finding, judged_at, expires_at)
values (@md5, @judge, @sha256, @finding, @now, @expires_at)
on conflict (md5, judge) do update
set finding = case when v.expires_at > @now and v.sha256 = excluded.sha256 then v.finding else excluded.finding end,
    judged_at = case when v.expires_at > @now and v.sha256 = excluded.sha256 then v.judged_at else excluded.judged_at end,
    expires_at = case when v.expires_at > @now and v.sha256 = excluded.sha256 then v.expires_at else excluded.expires_at end,
    sha256 = excluded.sha256
returning finding;

-- name: DecisionKeep :exec
-- DecisionKeep writes down by itself that a job might be drawn, for its owner if the account is still there. It may be
-- written already.
insert into audit_logs (id, user_id, action, ip, user_agent, meta)
select @id, (select u.id from users u where u.id = @user_id), 'content_allowed', '', '', @meta::jsonb
on conflict (id) do nothing;

-- name: VerdictExpire :execrows
-- VerdictExpire removes verdicts past their time, some at a time (image_verdicts_expiry_idx).
delete from image_verdicts
where ctid = any(array(
    select e.ctid from image_verdicts e where e.expires_at <= @now order by e.expires_at limit @batch for update skip locked
));
