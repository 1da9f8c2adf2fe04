-- Queues jobs. ARGV from 4: job, tenant, priority, … (the caller bounds their number). Answers how many were new.
--
-- A queued job is left alone. One in flight is noted and queued once more when it is settled: its row may have
-- become due again while the worker that had it was still on its way out.
local added = 0
for index = 4, #ARGV, 3 do
  local job, tenant, priority = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local state, known_priority, known_tenant, holder = look_up(job)
  -- Heal what a lost key (eviction, an operator's hand) left behind; either would hide the job for ever.
  if state == 'q' and redis.call('EXISTS', queue_of(known_tenant, known_priority)) == 0 then
    state = nil
  elseif (state == 'l' or state == 'a') and not redis.call('ZSCORE', leases, job) then
    state = nil
  end
  if not state then
    unlease(job, tenant)
    redis.call('HSET', jobs, job, 'q' .. priority .. tenant)
    redis.call('RPUSH', queue_of(tenant, priority), job)
    added = added + 1
    offer(tenant)
  elseif state == 'l' then
    redis.call('HSET', jobs, job, 'a' .. priority .. known_tenant .. '/' .. holder)
  elseif state == 'q' then
    offer(known_tenant)
  end
end
if added > 0 then
  redis.call('PUBLISH', prefix .. ':wake', added)
end
return added
