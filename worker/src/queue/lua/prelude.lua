-- Shared first part of every script of the queue: key names, the clock, and the ring.
--
-- KEYS: jobs, ring, turn, leases, refused, caps. Keys of a tenant are derived from ARGV[1]; they carry the same hash
-- tag, so they live in the same slot of a Redis Cluster.
-- ARGV: 1 key prefix, 2 cap of runs in flight for each tenant without its own, 3 owner (the consumer that asks), then the
-- script's own.
--
--   jobs              hash  job -> state, priority, tenant, owner: "q2<tenant>", "l2<tenant>/<owner>"
--                           q queued, l leased, a leased and pushed again meanwhile
--   ring              zset  tenants that have work and room, by whose turn it is
--   turn              int   the next turn
--   leases            zset  job -> when its lease ends, in ms
--   caps              hash  tenant -> its own cap, and under the empty name which list of them this is; without that
--                           name the caps are not known, and nothing is claimed until a worker has told them
--   running:<tenant>  zset  the same leases of one tenant; its live members are the tenant's runs in flight, so a
--                           count cannot leak: a lease nobody extends stops counting by itself
--   queue:<tenant>:<priority>  list of jobs, oldest first
local jobs, ring, turn, leases, refused, caps = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix, default_cap, owner = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function queue_of(tenant, priority)
  return prefix .. ':queue:' .. tenant .. ':' .. priority
end

local function running_of(tenant)
  return prefix .. ':running:' .. tenant
end

-- state, priority, tenant and owner of a job; nil when the queue does not know it.
local function look_up(job)
  local entry = redis.call('HGET', jobs, job)
  if not entry then
    return nil
  end
  return string.match(entry, '^(%l)(%d)([^/]*)/?(.*)$')
end

local function in_flight(tenant)
  return redis.call('ZCOUNT', running_of(tenant), string.format('(%.0f', now), '+inf')
end

local function cap_of(tenant)
  return tonumber(redis.call('HGET', caps, tenant)) or default_cap
end

local function has_work(tenant)
  for priority = 3, 0, -1 do
    if redis.call('EXISTS', queue_of(tenant, priority)) == 1 then
      return true
    end
  end
  return false
end

-- Puts a tenant into the ring if it has work and room; one that is there keeps its turn. A tenant at its cap
-- stays out, so that a claim never walks over thousands of them; it comes back when one of its slots frees.
local function offer(tenant)
  if in_flight(tenant) < cap_of(tenant) and has_work(tenant) then
    redis.call('ZADD', ring, 'NX', redis.call('INCR', turn), tenant)
  end
end

local function lease(job, priority, tenant, until_ms, state)
  redis.call('HSET', jobs, job, state .. priority .. tenant .. '/' .. owner)
  redis.call('ZADD', leases, string.format('%.0f', until_ms), job)
  redis.call('ZADD', running_of(tenant), string.format('%.0f', until_ms), job)
end

local function unlease(job, tenant)
  redis.call('ZREM', leases, job)
  redis.call('ZREM', running_of(tenant), job)
end
