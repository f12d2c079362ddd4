-- name: AssetGet :one
-- AssetGet reads a ready asset of its owner by primary key.
select * from assets where id = @id and user_id = @user_id and status = 'ready';

-- name: AssetListByIDs :many
-- AssetListByIDs reads ready assets of one owner by primary keys; the caller bounds the list.
select * from assets where id = any(@ids::uuid[]) and user_id = @user_id and status = 'ready';

-- name: AssetList :many
-- AssetList is a page of an account's ready assets, newest first (assets_user_idx).
-- plan: owner as array
select * from assets
where user_id = any(array[@user_id::uuid]) and id < @before_id and status = 'ready'
order by user_id, id desc
limit @page_size;

-- name: AssetListByType :many
-- AssetListByType is AssetList of those of one type (assets_user_type_id_idx).
-- plan: owner as array
-- plan: two bounds for a status
select * from assets
where user_id = any(array[@user_id::uuid]) and type >= @type and (type, id) < (@type, @before_id::uuid) and status = 'ready'
order by user_id desc, type desc, id desc
limit @page_size;

-- name: AssetCreate :exec
-- AssetCreate promises an upload, of an account or, with a null user_id, of a sign-up that has not happened yet.
insert into assets (id, user_id, type, bucket, storage_path, content_type, size_bytes, expires_at, created_at, updated_at)
values (@id, sqlc.narg('user_id'), @type, @bucket, @storage_path, @content_type, @size_bytes, @expires_at, @now, @now);

-- name: AssetGetUpload :one
-- AssetGetUpload reads an upload of its owner in any state, by primary key.
select * from assets where id = @id and user_id = @user_id and type <> 'render';

-- name: AssetGetUnowned :one
-- AssetGetUnowned reads an upload that waits for a sign-up, by primary key.
select * from assets where id = @id and user_id is null and status = 'pending' and expires_at > @now::timestamptz;

-- name: AssetReady :one
-- AssetReady makes a pending upload an asset, once, as what was found to be stored; one without an owner (owner null)
-- becomes the account's. No row: another request has ended it, or it is gone. By primary key.
update assets
set user_id = @user_id, status = 'ready', storage_path = @storage_path, content_type = @content_type,
    size_bytes = @size_bytes, width = @width, height = @height, md5 = @md5, expires_at = null, updated_at = @now
where id = @id and user_id is not distinct from sqlc.narg('owner') and status = 'pending'
returning *;

-- name: AssetReject :execrows
-- AssetReject ends a pending upload with the reason why, once, by primary key.
update assets set status = 'rejected', reject_reason = @reason::text, expires_at = null, updated_at = @now
where id = @id and status = 'pending';

-- name: AssetLockOwner :exec
-- AssetLockOwner makes changes to an account's assets wait for each other, and for the queueing of its jobs, which takes
-- credits from the same row.
select from users where id = @user_id for no key update;

-- name: AssetSetPhoto :one
-- AssetSetPhoto makes an asset the profile photo of the account, whose row the caller has locked, and returns which one
-- was.
with before as (
    select u.id, u.profile_photo_asset_id from users u where u.id = @user_id
)
update users set profile_photo_asset_id = @asset_id::uuid, updated_at = @now::timestamptz
from before where users.id = before.id
returning before.profile_photo_asset_id;

-- name: AssetInUse :one
-- AssetInUse tells whether a queued or running job of the account needs an asset (jobs_user_status_id_idx).
select exists (
    select from jobs j join prompts p on p.id = j.prompt_id
    where j.user_id = @user_id and j.status in ('queued', 'running')
        and (
            @asset_id::uuid = any(p.ref_asset_ids) or p.selfie_asset_id = @asset_id::uuid
            or p.copy_target_asset_id = @asset_id::uuid
        )
);

-- name: AssetDelete :one
-- AssetDelete removes an asset or a pending upload of its owner, by primary key. Its renders go with it; as a profile
-- photo it leaves the account without.
delete from assets where id = @id and user_id = @user_id and status <> 'rejected'
returning bucket, storage_path;

-- name: AssetExpire :many
-- AssetExpire gives up uploads whose time is over (assets_pending_idx). Rows locked elsewhere are passed over.
delete from assets where id in (
    select a.id from assets a
    where a.status = 'pending' and a.expires_at < @before::timestamptz
    order by a.expires_at limit @batch for update skip locked
)
returning bucket, storage_path;

-- name: AssetForget :many
-- AssetForget forgets uploads that were rejected long ago (assets_rejected_idx).
delete from assets where id in (
    select a.id from assets a
    where a.status = 'rejected' and a.updated_at < @before::timestamptz
    order by a.updated_at limit @batch for update skip locked
)
returning bucket, storage_path;

-- name: AssetListKept :many
-- AssetListKept lists those of some objects of a bucket that are to be kept, since a row refers to them
-- (assets_object_key).
select storage_path from assets
where bucket = @bucket and storage_path = any(@paths::text[]) and status <> 'rejected';

-- name: AssetsKept :one
-- AssetsKept reads the plan of an account, by primary key, and counts its pictures up to @most (assets_user_idx), with the
-- uploads that were announced; what was rejected is gone.
select users.plan, counted.pictures, counted.bytes
from users, (
    select count(*) as pictures, coalesce(sum(kept.size_bytes), 0)::bigint as bytes
    from (
        select assets.size_bytes from assets
        where assets.user_id = any(array[@user_id::uuid]) and assets.status <> 'rejected'
        order by assets.user_id, assets.id desc limit @most::bigint
    ) as kept
) as counted
where users.id = @user_id;
