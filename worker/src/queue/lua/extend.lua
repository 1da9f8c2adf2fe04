-- Extends the owner's leases. ARGV from 4: lease in ms, then job, tenant, priority, … (the caller bounds their
-- number). Answers how many were lost to another consumer.
--
-- A lease that the queue no longer knows (Redis was wiped) or has taken back but not yet given away is made anew:
-- the job is running, and must count as its tenant's.
local lease_ms = tonumber(ARGV[4])
local lost = 0
for index = 5, #ARGV, 3 do
  local job, tenant, priority = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local state, _, _, holder = look_up(job)
  if state == 'a' and holder == owner then
    lease(job, priority, tenant, now + lease_ms, 'a')
  elseif not state or state == 'q' or holder == owner then
    lease(job, priority, tenant, now + lease_ms, 'l')
  else
    lost = lost + 1
  end
end
return lost
