-- Removes all fields (ARGV) of a hash, or none when one is missing.
for _, field in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], field) == 0 then return 0 end
end
if #ARGV > 0 then redis.call('HDEL', KEYS[1], unpack(ARGV)) end
return 1
