-- Takes the next turn at a system; as `InProcess` of domain. KEYS: 1 when its bucket is full again, in µs of this
-- server's clock. ARGV, in µs: 1 the time of one request, 2 what the burst is ahead of the rate.
-- Answers with how long to wait for the turn.
local interval, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = math.max(0, full_at - now - slack)
full_at = full_at + interval
-- A full bucket needs no key.
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
return math.ceil(wait)
