-- Somebody comes: the one who has waited longest of those who fit, or a place in the line. KEYS: the line (a sorted set by
-- the time of coming), the tickets (a hash). ARGV: who, the ticket, when.
local function shares(a, b)
  for _, x in ipairs(a) do
    for _, y in ipairs(b) do
      if x == y then return true end
    end
  end
  return false
end

local function holds(list, one)
  for _, x in ipairs(list) do
    if x == one then return true end
  end
  return false
end

-- Whether `a` would meet `b`.
local function wants(a, b)
  return not holds(a.blocked, b.user)
    and (#a.countries == 0 or holds(a.countries, b.country))
    and math.abs(a.reputation - b.reputation) <= 20
end

local me = cjson.decode(ARGV[2]).ticket
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, 49)) do
  local text = redis.call('HGET', KEYS[2], other)
  if text and other ~= ARGV[1] then
    local them = cjson.decode(text).ticket
    if shares(me.languages, them.languages) and wants(me, them) and wants(them, me) then
      redis.call('ZREM', KEYS[1], other)
      redis.call('HDEL', KEYS[2], other)
      return other
    end
  end
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return false
