-- Reserves an attempt with every subject, or with none if one of them is locked or has no free attempt.
-- KEYS: for each subject its attempts and its lock. Attempts are a sorted set of 'r' .. id for those under way and
-- 'f' .. id for failures; the score is the time from which it no longer counts. A lock is '<end>:<level>' and is kept
-- beyond its end, so that the next one can be longer. All times are microseconds of the server's clock.
-- ARGV: the attempt's id, the microseconds for which it is reserved, then for each subject how many attempts it has, and
-- how many after it was locked.
-- Returns 0 if reserved; 1 and the microseconds until the last lock ends; 2 if all attempts are under way or failed.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local member, lease = 'r' .. ARGV[1], tonumber(ARGV[2])

local wait, busy = 0, false
for i = 1, #KEYS, 2 do
  local allowance = tonumber(ARGV[i + 2])
  local lock = redis.call('GET', KEYS[i + 1])
  if lock then
    wait = math.max(wait, tonumber(string.match(lock, '^%d+')) - now)
    allowance = tonumber(ARGV[i + 3])
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', now))
  -- A repeat of this call, after its reply was lost, finds its own reservation.
  if not redis.call('ZSCORE', KEYS[i], member) and redis.call('ZCARD', KEYS[i]) >= allowance then
    busy = true
  end
end
if wait > 0 then return {1, wait} end
if busy then return {2, 0} end

for i = 1, #KEYS, 2 do
  redis.call('ZADD', KEYS[i], string.format('%.0f', now + lease), member)
  local last = redis.call('ZREVRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', math.ceil(last / 1000)))
end
return {0, 0}
