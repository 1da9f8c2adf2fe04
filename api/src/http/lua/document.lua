-- Reads a document that a client registered, and remembers that it was used. KEYS: 1 documents by hash, 2 hashes by
-- last use. ARGV: 1 hash. Answers the document or nothing.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
end
return text
