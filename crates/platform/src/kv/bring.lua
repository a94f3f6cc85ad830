-- Writes a field of a hash and notes its name in a list (KEYS: hash, list. ARGV: field, value, most). Gives the length of the
-- list, or -1 when it has no room; then nothing is written.
if redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[3]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return redis.call('RPUSH', KEYS[2], ARGV[1])
