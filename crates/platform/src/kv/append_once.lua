-- Appends an entry (ARGV: entry, how many are kept, mark, how many are looked at) to an open stream, unless one of the newest
-- holds the mark. Gives the id of the entry.
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[4])) do
  if string.find(entry[2][2], ARGV[3], 1, true) then return entry[1] end
end
return redis.call('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', ARGV[2], '0-*', 'e', ARGV[1])
