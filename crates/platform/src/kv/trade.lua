-- While the text at KEYS[1] is ARGV[1]: takes pairs of fields out of the hash at KEYS[2], each pair if both are as they were
-- read, and writes one field into the hash at KEYS[3] for it (ARGV from 2 on, six a trade: field, value, field, value; field,
-- value). Gives 1 or 0 for each trade.
local ours = redis.call('GET', KEYS[1]) == ARGV[1]
-- Fails before anything is written if that is no hash.
redis.call('HLEN', KEYS[3])
local done = {}
for i = 2, #ARGV, 6 do
  local traded = 0
  if ours then
    local now = redis.call('HMGET', KEYS[2], ARGV[i], ARGV[i + 2])
    if now[1] == ARGV[i + 1] and now[2] == ARGV[i + 3] then
      redis.call('HDEL', KEYS[2], ARGV[i], ARGV[i + 2])
      redis.call('HSET', KEYS[3], ARGV[i + 4], ARGV[i + 5])
      traded = 1
    end
  end
  done[#done + 1] = traded
end
return done
