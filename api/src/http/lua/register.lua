-- Keeps a document that a client registered. KEYS: 1 documents by hash, 2 hashes by last use. ARGV: 1 hash, 2 document,
-- 3 documents at most, 4 seconds after which all are forgotten when none is registered any more.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[2], over)
  for index = 1, #oldest, 2 do
    redis.call('HDEL', KEYS[1], oldest[index])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return redis.status_reply('OK')
