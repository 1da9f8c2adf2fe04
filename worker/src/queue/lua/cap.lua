-- Sets the cap of one tenant. ARGV from 4: tenant, its cap or an empty text for the default. Answers whether the caps are
-- known otherwise. What is in flight above a lower cap goes on; a higher one lets more go at once.
local tenant, own = ARGV[4], ARGV[5]
if own == '' then
  redis.call('HDEL', caps, tenant)
else
  redis.call('HSET', caps, tenant, own)
end
local known = redis.call('HEXISTS', caps, '')
if known == 1 then
  -- Another list than it was: the next sweep compares it with the database.
  redis.call('HSET', caps, '', '?')
end
offer(tenant)
redis.call('PUBLISH', prefix .. ':wake', 1)
return known
