-- Turns a reserved attempt into a failure of every subject, and locks the subjects that have too many failures.
-- KEYS: as in begin.lua. ARGV: the attempt's id; in microseconds how long a failure counts, the first lock and the
-- longest lock; then for each subject how many attempts it has, and how many after it was locked.
-- Returns for each subject the microseconds for which this failure locked it, 0 if it did not.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local id, window, first, longest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local locked = {}
for i = 1, #KEYS, 2 do
  local attempts, key = KEYS[i], KEYS[i + 1]
  local allowance, level, ends = tonumber(ARGV[i + 4]), 0, 0
  local lock = redis.call('GET', key)
  if lock then
    allowance = tonumber(ARGV[i + 5])
    ends, level = string.match(lock, '^(%d+):(%d+)$')
    ends, level = tonumber(ends), tonumber(level)
  end
  redis.call('ZREM', attempts, 'r' .. id)
  local duration = 0
  -- Where the subject is locked already, by failures of others after this attempt's reservation expired or by this very
  -- failure if this call is a repeat, nothing is counted.
  if ends <= now then
    redis.call('ZREMRANGEBYSCORE', attempts, '-inf', string.format('%.0f', now))
    redis.call('ZADD', attempts, string.format('%.0f', now + window), 'f' .. id)
    local failures = {}
    for _, member in ipairs(redis.call('ZRANGE', attempts, 0, -1)) do
      if string.sub(member, 1, 1) == 'f' then failures[#failures + 1] = member end
    end
    if #failures >= allowance then
      duration = math.min(first * 2 ^ level, longest)
      redis.call('ZREM', attempts, unpack(failures))
      -- The lock is remembered for the longest lock's time after its end.
      redis.call('SET', key, string.format('%.0f:%d', now + duration, level + 1),
        'PX', string.format('%.0f', math.ceil((duration + longest) / 1000)))
    end
    local last = redis.call('ZREVRANGE', attempts, 0, 0, 'WITHSCORES')[2]
    if last then redis.call('PEXPIREAT', attempts, string.format('%.0f', math.ceil(last / 1000))) end
  end
  locked[#locked + 1] = duration
end
return locked
