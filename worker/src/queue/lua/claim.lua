-- Leases up to `limit` jobs to the owner, one from each tenant in turn. ARGV from 4: limit, lease in ms, most
-- expired leases to take back, most tenants to look at. Answers "1" or "0" (ask again at once), then job, tenant,
-- priority of each. Constant work for each job: nothing here depends on how much is queued. "caps": nothing was claimed,
-- because the caps are not known.
if redis.call('HEXISTS', caps, '') == 0 then
  return { 'caps' }
end
local limit, lease_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local expired_max, turns_max = tonumber(ARGV[6]), tonumber(ARGV[7])
-- List entries that are no longer what they say (taken back by their owner, or lost from `jobs`), in one turn.
local stale_max = 32

-- Leases that nobody extended: their worker is gone. To the head of the queue, they have waited longest.
local expired = redis.call('ZRANGEBYSCORE', leases, '-inf', string.format('%.0f', now), 'LIMIT', 0, expired_max)
for _, job in ipairs(expired) do
  local state, priority, tenant = look_up(job)
  redis.call('ZREM', leases, job)
  if state then
    redis.call('ZREM', running_of(tenant), job)
    if state ~= 'q' then
      redis.call('HSET', jobs, job, 'q' .. priority .. tenant)
      redis.call('LPUSH', queue_of(tenant, priority), job)
    end
    offer(tenant)
  end
end

local function take(tenant)
  local stale = 0
  for priority = 3, 0, -1 do
    while stale < stale_max do
      local job = redis.call('LPOP', queue_of(tenant, priority))
      if not job then
        break
      end
      local state, known_priority, known_tenant = look_up(job)
      if state == 'q' and tonumber(known_priority) == priority and known_tenant == tenant then
        return job, priority
      end
      stale = stale + 1
    end
  end
  return nil
end

local answer = { '0' }
local claimed, turns = 0, 0
while claimed < limit and turns < turns_max do
  local tenant = redis.call('ZPOPMIN', ring)[1]
  if not tenant then
    break
  end
  turns = turns + 1
  redis.call('ZREMRANGEBYSCORE', running_of(tenant), '-inf', string.format('%.0f', now))
  if in_flight(tenant) < cap_of(tenant) then
    local job, priority = take(tenant)
    if job then
      lease(job, priority, tenant, now + lease_ms, 'l')
      claimed = claimed + 1
      answer[#answer + 1] = job
      answer[#answer + 1] = tenant
      answer[#answer + 1] = tostring(priority)
    end
    offer(tenant)
  end
end
if #expired == expired_max or (claimed < limit and turns == turns_max) then
  answer[1] = '1'
end
return answer
