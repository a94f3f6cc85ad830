-- Several keys changed at once, under conditions. KEYS: one for each condition and step, in order. ARGV: the number of
-- conditions, then for each its kind and arguments. Gives 1 done, 0 refused, -1 a list has no room.
local conditions = tonumber(ARGV[1])
local at, a = 0, 1

local function arg()
  a = a + 1
  return ARGV[a]
end

for _ = 1, conditions do
  at = at + 1
  local key, kind = KEYS[at], arg()
  if kind == 'is' then
    if redis.call('GET', key) ~= arg() then return 0 end
  elseif kind == 'absent' then
    if redis.call('EXISTS', key) == 1 then return 0 end
  elseif kind == 'field' then
    local field, value = arg(), arg()
    if redis.call('HGET', key, field) ~= value then return 0 end
  elseif redis.call('HEXISTS', key, arg()) == 1 then
    return 0
  end
end

-- Before anything is written: room, and the kinds of what is there (these commands fail on another kind).
local from, steps, lengths = a, at, {}
for i = steps + 1, #KEYS do
  local key, kind = KEYS[i], arg()
  if kind == 'put' then
    a = a + 2
  elseif kind == 'hset' then
    redis.call('HLEN', key)
    a = a + 2
  elseif kind == 'hdel' then
    redis.call('HLEN', key)
    a = a + 1
  elseif kind == 'push' then
    a = a + 1
    local length = (lengths[key] or redis.call('LLEN', key)) + 1
    if length > tonumber(arg()) then return -1 end
    lengths[key] = length
  end
end

a = from
for i = steps + 1, #KEYS do
  local key, kind = KEYS[i], arg()
  if kind == 'put' then
    local value, ttl = arg(), arg()
    if ttl == '0' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
  elseif kind == 'del' then
    redis.call('DEL', key)
  elseif kind == 'hset' then
    local field, value = arg(), arg()
    redis.call('HSET', key, field, value)
  elseif kind == 'hdel' then
    redis.call('HDEL', key, arg())
  else
    redis.call('RPUSH', key, arg())
    a = a + 1
  end
end
return 1
