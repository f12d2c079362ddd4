-- Charges one request to every limit, or to none if one of them refuses.
-- KEYS: one for each limit; its value is the time at which the limit will be unused again, the GCRA's theoretical arrival
-- time, in microseconds. ARGV: for each limit the requests of a full burst, and the microseconds after which one of them
-- comes back.
-- Returns 1 if allowed, else 0; the number of the strictest limit (from 1); how many requests it has left; and in
-- microseconds how long until it is unused, and how long until it allows the next request (0 if it allowed this one).
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local refused, strictest
local answers = {}
for i, key in ipairs(KEYS) do
  local burst, interval = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local window = burst * interval
  -- Never later than a full burst from now, which a stored time can be after the server's clock was set back, or after the
  -- limit was made smaller.
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
