#!lua name=NAME

-- What servers ask of a shard in one step. All keys of a call lie in the shard. The functions know nothing of sessions:
-- what is read and written, and what must not have changed meanwhile, is decided in the server.

-- The bytes of a version, at the beginning of a record (layout/values.ts).
local VERSION_END = 7
-- About so many events are kept of a shard.
local EVENTS = 1000

-- What a call may ask of a key, by kind. `detail` is what else the kind needs.
local see = {
  value = function(key)
    return redis.call('GET', key)
  end,
  record = function(key)
    return redis.call('GET', key)
  end,
  count = function(key)
    return redis.call('ZCARD', key)
  end,
  field = function(key, detail)
    return redis.call('HGET', key, detail)
  end,
  score = function(key, detail)
    return redis.call('ZSCORE', key, detail)
  end,
  -- How many entries of a stream have an id: one or none. No commit relies on it.
  entry = function(key, detail)
    return #redis.call('XRANGE', key, detail, detail)
  end,
  -- The last ones of a sorted set of ids, the last one first, each with its record. `detail`: how many, and as in `first`.
  last = function(key, detail)
    local number, records = detail:match('^(%d+) (.*)$')
    local rows = {}
    for _, id in ipairs(redis.call('ZRANGE', key, 0, number - 1, 'REV')) do
      rows[#rows + 1], rows[#rows + 2] = id, redis.call('GET', records .. id)
    end
    return rows
  end,
  -- The first of a sorted set of ids, and its record. `detail`: what is before an id in the key of its record.
  first = function(key, detail)
    local id = redis.call('ZRANGE', key, 0, 0)[1]
    return id and { id, redis.call('GET', detail .. id) } or {}
  end,
}

-- The same in brief, as a text: what a commit compares. Where both texts are equal, nothing has changed.
local brief = {
  value = function(key)
    return redis.call('GET', key) or ''
  end,
  record = function(key)
    return redis.call('GETRANGE', key, 0, VERSION_END)
  end,
  count = function(key)
    return tostring(redis.call('ZCARD', key))
  end,
  field = function(key, detail)
    return redis.call('HGET', key, detail) or ''
  end,
  score = function(key, detail)
    return redis.call('ZSCORE', key, detail) or ''
  end,
  last = function(key, detail)
    local number = detail:match('^%d+')
    return table.concat(redis.call('ZRANGE', key, 0, number - 1, 'REV'), ' ')
  end,
  first = function(key)
    return redis.call('ZRANGE', key, 0, 0)[1] or ''
  end,
}

-- What a commit may write, how many arguments each takes beside the key, and a read that fails where the write would:
-- a function is not undone where one of its writes fails.
local writes = {
  SET = { 1 },
  DEL = { 0 },
  ZADD = { 2, 'ZCARD' },
  ZREM = { 1, 'ZCARD' },
  HSET = { 2, 'HLEN' },
  HDEL = { 1, 'HLEN' },
  APPEND = { 1, 'ZCARD' },
  EVENT = { 2, 'XLEN' },
}

-- Adds a member behind all others. The empty member keeps the last place, which no other gets again: not when the members are
-- gone, nor when a replica without the last of them takes over.
local function append(key, member)
  local last = tonumber(redis.call('ZSCORE', key, '') or 0)
  local now = redis.call('TIME')
  local place = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
  redis.call('ZADD', key, place, '', place, member)
end

local function write(op, key, one, other)
  if op == 'APPEND' then
    append(key, one)
  elseif op == 'EVENT' then
    redis.call('XADD', key, 'MAXLEN', '~', EVENTS, '*', 'id', one, 'v', other)
    -- The channel has the name of the stream.
    redis.call('SPUBLISH', key, '')
  elseif other then
    redis.call(op, key, one, other)
  elseif one then
    redis.call(op, key, one)
  else
    redis.call(op, key)
  end
end

-- keys: any. args: for each question its kind, the number of its key, and the detail.
local function look(keys, args, from, count, stride)
  local seen = {}
  for i = 1, count do
    seen[i] = see[args[from]](keys[tonumber(args[from + 1])], args[from + 2])
    from = from + stride
  end
  return seen
end

-- Writes all or nothing. args: the number of expectations, each as a question with the brief answer behind it; then the
-- writes, each with the number of its key and its arguments.
-- Returns 1, or the answers to all questions where one has another answer than expected.
local function commit(keys, args)
  local count = tonumber(args[1])
  local at = 2
  for i = 1, count do
    local kind, wanted = args[at], args[at + 3]
    local now = brief[kind](keys[tonumber(args[at + 1])], args[at + 2])
    if now ~= wanted then
      return look(keys, args, 2, count, 4)
    end
    at = at + 4
  end
  local first, last = at, #args
  while at <= last do
    local kind = writes[args[at]]
    if kind[2] then
      redis.call(kind[2], keys[tonumber(args[at + 1])])
    end
    at = at + 2 + kind[1]
  end
  at = first
  while at <= last do
    local op, arity = args[at], writes[args[at]][1]
    write(op, keys[tonumber(args[at + 1])], arity > 0 and args[at + 2], arity > 1 and args[at + 3])
    at = at + 2 + arity
  end
  return 1
end

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

-- How many members of `a` are among the first `offset` of both parts.
local function share_of(a, b, offset)
  local low, high = math.max(0, offset - b.count), math.min(offset, a.count)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local one, other = read(a, middle, 1), read(b, offset - middle - 1, 1)
    if comes_first(one[1], one[2], other[1], other[2]) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
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
  local low = redis.call('ZCOUNT', part.key, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', part.key, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found = read(part, middle, 1)[1]
    if is_before(found, member) or (and_at and found == member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
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

redis.register_function('NAME_commit', commit)
redis.register_function('NAME_behind', behind)

local function register_read(name, callback)
  redis.register_function({ function_name = name, callback = callback, flags = { 'no-writes' } })
end

register_read('NAME_look', function(keys, args)
  return look(keys, args, 1, #args / 3, 3)
end)
register_read('NAME_page', page)
register_read('NAME_after', after)
