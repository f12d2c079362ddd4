-- Reserves an attempt with every subject, or with none if one of them is locked or has no free attempt.
-- KEYS: for each subject its attempts and its lock. Attempts are a sorted set of 'r' .. id for those under way and
-- 'f' .. id for failures; the score is the time from which it no longer counts. A lock is '<end>:<level>' and is kept
-- beyond its end, so that the next one can be longer. All times are microseconds of the server's clock.
-- ARGV: the attempt's id, the microseconds for which it is reserved, then for each subject how many attempts it has, and
-- how many after it was locked.
-- Returns 0 if reserved; 1, the microseconds until the last lock ends, and whose that is; 2 if all attempts are under way or
-- failed, 0, and of whom. Subjects are counted from 0.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local member, lease = 'r' .. ARGV[1], tonumber(ARGV[2])

local wait, locked, busy = 0, 0, nil
for i = 1, #KEYS, 2 do
  local allowance = tonumber(ARGV[i + 2])
  local lock = redis.call('GET', KEYS[i + 1])
  if lock then
    local left = tonumber(string.match(lock, '^%d+')) - now
    if left > wait then wait, locked = left, (i - 1) / 2 end
    allowance = tonumber(ARGV[i + 3])
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', now))
  -- A repeat of this call, after its reply was lost, finds its own reservation.
  if not redis.call('ZSCORE', KEYS[i], member) and redis.call('ZCARD', KEYS[i]) >= allowance then
    busy = busy or (i - 1) / 2
  end
end
if wait > 0 then return {1, wait, locked} end
if busy then return {2, 0, busy} end

for i = 1, #KEYS, 2 do
  redis.call('ZADD', KEYS[i], string.format('%.0f', now + lease), member)
  local last = redis.call('ZREVRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', math.ceil(last / 1000)))
end
return {0, 0, 0}
