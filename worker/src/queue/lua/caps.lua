-- Takes the caps of all tenants that have their own, in place of what was known. ARGV from 4: which list this is, then
-- tenant, cap, … Answers how many tenants have another cap than before.
local gone = {}
local before = redis.call('HGETALL', caps)
for index = 1, #before, 2 do
  if before[index] ~= '' then
    gone[before[index]] = before[index + 1]
  end
end
local changed = {}
for index = 5, #ARGV, 2 do
  local tenant, own = ARGV[index], ARGV[index + 1]
  if gone[tenant] ~= own then
    redis.call('HSET', caps, tenant, own)
    changed[#changed + 1] = tenant
  end
  gone[tenant] = nil
end
for tenant in pairs(gone) do
  redis.call('HDEL', caps, tenant)
  changed[#changed + 1] = tenant
end
redis.call('HSET', caps, '', ARGV[4])
for _, tenant in ipairs(changed) do
  offer(tenant)
end
if #changed > 0 then
  redis.call('PUBLISH', prefix .. ':wake', #changed)
end
return #changed
