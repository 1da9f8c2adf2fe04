-- Until where a caller wrote, in whole numbers of up to 128 bits, which Lua's would not hold: they are compared as text.
-- KEYS: 1 that place. ARGV: 1 the place of a new write, 2 how long it is kept, in ms; without both nothing is written.
-- Answers the place that is known.
local known = redis.call('GET', KEYS[1])
local new = ARGV[1]
if not new then
  return known
end
if not known or #known < #new or (#known == #new and known < new) then
  known = new
end
redis.call('SET', KEYS[1], known, 'PX', ARGV[2])
return known
