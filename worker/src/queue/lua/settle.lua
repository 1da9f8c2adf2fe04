-- Ends leases of the owner. ARGV from 4: how, most refused entries to keep, then the jobs (the caller bounds their
-- number). Answers how many were queued again.
--   done     handled: forgotten, or queued again if it was pushed meanwhile
--   back     not started: to the head of its queue, others are woken
--   refused  not understood: set aside for people to look at
-- A lease that belongs to another consumer by now is left alone.
local how, refused_max = ARGV[4], tonumber(ARGV[5])
local queued = 0
for index = 6, #ARGV do
  local job = ARGV[index]
  local state, priority, tenant, holder = look_up(job)
  if (state == 'l' or state == 'a') and holder == owner then
    unlease(job, tenant)
    if how == 'back' then
      redis.call('HSET', jobs, job, 'q' .. priority .. tenant)
      redis.call('LPUSH', queue_of(tenant, priority), job)
      queued = queued + 1
    elseif how == 'done' and state == 'a' then
      redis.call('HSET', jobs, job, 'q' .. priority .. tenant)
      redis.call('RPUSH', queue_of(tenant, priority), job)
      queued = queued + 1
    else
      redis.call('HDEL', jobs, job)
    end
    if how == 'refused' then
      redis.call('LPUSH', refused, tenant .. '/' .. job)
      redis.call('LTRIM', refused, 0, refused_max - 1)
    end
    offer(tenant)
  end
end
if queued > 0 then
  redis.call('PUBLISH', prefix .. ':wake', queued)
end
return queued
