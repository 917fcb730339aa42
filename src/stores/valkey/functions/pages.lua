-- Parts of sorted sets. This is the second half of the library.

-- Whether text a has smaller bytes than b. Lua's own < asks the locale.
local function is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local one, other = a:byte(i), b:byte(i)
    if one ~= other then
      return one < other
    end
  end
  return #a < #b
end

-- A part of a sorted set, by score.
local function part_of(key, min, max)
  local before = 0
  if min ~= '-inf' then
    -- What is below `min` has the same bound from the other side.
    before = redis.call('ZCOUNT', key, '-inf', min:sub(1, 1) == '(' and min:sub(2) or '(' .. min)
  end
  return { key = key, before = before, count = redis.call('ZCOUNT', key, min, max) }
end

local function read(part, offset, limit)
  local count = math.min(limit, part.count - offset)
  if count <= 0 then
    return {}
  end
  local from = part.before + offset
  return redis.call('ZRANGE', part.key, from, from + count - 1, 'WITHSCORES')
end

-- Whether one member with its score stands before another.
local function comes_first(a, a_score, b, b_score)
  local one, other = tonumber(a_score), tonumber(b_score)
  if one ~= other then
    return one < other
  end
  return is_before(a, b)
end

-- The first number from `low` on that `is_reached` holds for, as it does for all behind it; `high` where none does.
local function first_where(low, high, is_reached)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_reached(middle) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- How many members of `a` are among the first `offset` of both parts.
local function share_of(a, b, offset)
  return first_where(math.max(0, offset - b.count), math.min(offset, a.count), function(of_a)
    local one, other = read(a, of_a, 1), read(b, offset - of_a - 1, 1)
    return not comes_first(one[1], one[2], other[1], other[2])
  end)
end

local function merge(a, b, limit, is_back)
  local merged = {}
  local i, j = 1, 1
  while #merged < 2 * limit and (a[i] or b[j]) do
    if b[j] == nil or (a[i] and comes_first(a[i], a[i + 1], b[j], b[j + 1]) ~= is_back) then
      merged[#merged + 1], merged[#merged + 2] = a[i], a[i + 1]
      i = i + 2
    else
      merged[#merged + 1], merged[#merged + 2] = b[j], b[j + 1]
      j = j + 2
    end
  end
  return merged
end

-- keys: one sorted set, or two that are read as one. args: the least and the greatest score, offset, limit; what comes
-- before a member in the key of its record, or nothing for no records.
-- Returns how many there are between the scores, then each member with its score, and its record.
local function page(keys, args)
  local min, max, offset, limit, records = args[1], args[2], tonumber(args[3]), tonumber(args[4]), args[5]
  local a = part_of(keys[1], min, max)
  local total, rows = a.count, nil
  if keys[2] then
    local b = part_of(keys[2], min, max)
    total = total + b.count
    local of_a = share_of(a, b, math.min(offset, total))
    local of_b = math.min(offset, total) - of_a
    rows = merge(read(a, of_a, limit), read(b, of_b, limit), limit, false)
  else
    rows = read(a, offset, limit)
  end
  local answer = { total }
  for i = 1, #rows, 2 do
    answer[#answer + 1], answer[#answer + 2] = rows[i], rows[i + 1]
    if records ~= '' then
      answer[#answer + 1] = redis.call('GET', records .. rows[i])
    end
  end
  return answer
end

-- How many members stand before a place, or with `and_at` also at it.
local function rank_of(part, score, member, and_at)
  local first = redis.call('ZCOUNT', part.key, '-inf', '(' .. score)
  local behind = redis.call('ZCOUNT', part.key, '-inf', score)
  return first_where(first, behind, function(rank)
    local found = read(part, rank, 1)[1]
    return not (is_before(found, member) or (and_at and found == member))
  end)
end

-- The members behind a place, the nearest first, each with its score; or those before it.
local function nearest(key, score, member, limit, is_back)
  local part = { key = key, before = 0, count = redis.call('ZCARD', key) }
  local rank = rank_of(part, score, member, not is_back)
  if not is_back then
    return read(part, rank, limit)
  elseif rank == 0 then
    return {}
  end
  local from = part.count - rank
  return redis.call('ZRANGE', key, from, math.min(from + limit, part.count) - 1, 'REV', 'WITHSCORES')
end

-- keys: one sorted set, or two that are read as one. args: a score and a member, limit, and `back` for the members before
-- that place instead of those behind it. Returns the nearest, each with its score.
local function after(keys, args)
  local score, member, limit, is_back = args[1], args[2], tonumber(args[3]), args[4] == 'back'
  local rows = nearest(keys[1], score, member, limit, is_back)
  return keys[2] and merge(rows, nearest(keys[2], score, member, limit, is_back), limit, is_back) or rows
end

-- keys: a sorted set to which members are appended, the hash of their values, and a key to write to. args: a place, limit,
-- and what to write: so the answer waits until the replicas have all that it shows, and no master that was replaced gives it.
-- Returns the members behind the place, each with its place and its value.
local function behind(keys, args)
  redis.call('SET', keys[3], args[3])
  local limit = tonumber(args[2])
  local found = redis.call('ZRANGE', keys[1], '(' .. args[1], '+inf', 'BYSCORE', 'LIMIT', 0, limit + 1, 'WITHSCORES')
  local answer = {}
  for i = 1, #found, 2 do
    if found[i] ~= '' and #answer < 3 * limit then
      answer[#answer + 1], answer[#answer + 2] = found[i], found[i + 1]
      answer[#answer + 1] = redis.call('HGET', keys[2], found[i])
    end
  end
  return answer
end

-- keys: a sorted set or a hash. args: ZSCAN or HSCAN, a cursor, about how many, and the process that the cursor is of. To another
-- process, such as a master that took over, the cursor means nothing: there the walk begins anew.
-- Returns the process, the next cursor, and the members or fields with their scores or values.
local function scan(keys, args)
  local process = redis.call('INFO', 'server'):match('run_id:(%x+)')
  local cursor = args[4] == process and args[2] or '0'
  local found = redis.call(args[1], keys[1], cursor, 'COUNT', args[3])
  return { process, found[1], found[2] }
end

register_read('NAME_page', page)
register_read('NAME_after', after)
register_read('NAME_scan', scan)
redis.register_function('NAME_behind', behind)
