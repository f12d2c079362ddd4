-- Charges one request to every limit, or to none if one of them refuses.
-- KEYS: one for each limit; it holds the moment at which the limit will be unused again, the GCRA's theoretical arrival
-- time. ARGV: for each limit the requests of a full burst, and the microseconds that one of them takes to come back.
-- Returns 1 if allowed, the place of the strictest limit, what is left of it, and in microseconds: until it is unused,
-- and until it allows again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local refused, strictest
local answers = {}
for i, key in ipairs(KEYS) do
  local burst, interval = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local window = burst * interval
  -- Never further ahead than a full burst: after a step of the server's clock, or under a limit made smaller.
  local arrival = math.min(math.max(tonumber(redis.call('GET', key) or 0), now), now + window)
  local after = arrival + interval
  local answer = {at = i, wait = after - window - now, arrival = arrival}
  if answer.wait > 0 then
    answer.left = 0
    if not refused or answer.wait > refused.wait then refused = answer end
  else
    answer.arrival = after
    answer.left = math.floor((now + window - after) / interval)
    if not strictest or answer.left < strictest.left then strictest = answer end
  end
  answers[i] = answer
end

if refused then
  return {0, refused.at, 0, refused.arrival - now, refused.wait}
end
for i, key in ipairs(KEYS) do
  local arrival = answers[i].arrival
  redis.call('SET', key, string.format('%.0f', arrival), 'PX', string.format('%.0f', math.ceil((arrival - now) / 1000)))
end
return {1, strictest.at, strictest.left, strictest.arrival - now, 0}
