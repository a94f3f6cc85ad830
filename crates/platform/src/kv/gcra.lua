-- The generic cell rate algorithm, as domain::limit has it. KEYS: where the theoretical arrival time is kept. ARGV: the
-- interval in microseconds, the burst, and the time in microseconds, if not the server's own. Gives whether it is
-- allowed, by how much it was early, and the arrival time.
local interval, burst, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local kept = redis.call('GET', KEYS[1])
local tat = now
if kept then
  if string.sub(kept, 1, 1) ~= '\1' then return redis.error_reply('WRONGTYPE not a rate limit') end
  -- A clock that was set back keeps nobody waiting for longer.
  tat = math.min(math.max(tonumber(string.sub(kept, 2)), now), now + interval * burst)
end
local early = tat - interval * (burst - 1) - now
if early > 0 then return {0, early, tat} end
local new = tat + interval
redis.call('SET', KEYS[1], string.format('\1%.0f', new), 'PX', string.format('%.0f', math.ceil((new - now) / 1000) + 1))
return {1, 0, new}
