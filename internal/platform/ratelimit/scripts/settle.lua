-- Frees a reserved attempt, and resets the subjects that succeeded.
-- KEYS: as in begin.lua. ARGV: the attempt's id, then for each subject 1 to remove its failures and its lock.
for i = 1, #KEYS, 2 do
  redis.call('ZREM', KEYS[i], 'r' .. ARGV[1])
  if ARGV[(i + 1) / 2 + 1] == '1' then
    for _, member in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do
      if string.sub(member, 1, 1) == 'f' then redis.call('ZREM', KEYS[i], member) end
    end
    redis.call('DEL', KEYS[i + 1])
  end
end
return {}
