-- Draws from a budget; as `drawn` in budget.rs. KEYS: 1 when the budget is full again, in µs of this server's clock,
-- 2 where the caller last wrote.
-- ARGV, in µs: 1 the price, 2 the price of a refusal, 3 how long an empty budget takes to fill.
-- Answers whether it was granted, for how long the budget is not full now, and where the caller last wrote.
local price, refusal, whole = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or 0)
local missing = math.min(math.max(full_at - now, 0), whole)
local granted = 0
if missing + price <= whole then
  granted = 1
  missing = missing + price
else
  missing = math.min(missing + refusal, whole)
end
-- A full budget needs no key.
redis.call('SET', KEYS[1], string.format('%.0f', now + missing), 'PX', math.max(1, math.ceil(missing / 1000)))
return { granted, math.ceil(missing), redis.call('GET', KEYS[2]) }
