#!lua name=NAME

-- What servers ask of a shard in one step. All keys of a call lie in the shard, but those of `which`. The functions know
-- nothing of sessions: what is read and written, and what must not have changed meanwhile, is decided in the server.

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

-- The questions that have a detail.
local has_detail = { field = true, score = true, entry = true, first = true, last = true }

-- By question and write, a read that fails for a key of another type, as they do. Without one, every type will do, or the key is
-- a text.
local check_of = {
  count = 'ZCARD', score = 'ZCARD', first = 'ZCARD', last = 'ZCARD', ZADD = 'ZCARD', ZREM = 'ZCARD', APPEND = 'ZCARD',
  field = 'HLEN', HSET = 'HLEN', HDEL = 'HLEN',
  entry = 'XLEN', EVENT = 'XLEN',
}

-- Adds a member behind all others. The empty member keeps the last place, which no other gets again: not when the members are
-- gone, nor when a replica without the last of them takes over.
local function append(key, member)
  local last = tonumber(redis.call('ZSCORE', key, '') or 0)
  local now = redis.call('TIME')
  local place = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
  redis.call('ZADD', key, place, '', place, member)
end

local function write(op, key, args, from, to)
  if op == 'EVENT' then
    redis.call('XADD', key, 'MAXLEN', '~', EVENTS, '*', 'id', args[from], 'v', args[to])
  elseif op == 'APPEND' then
    append(key, args[from])
  elseif from == to then
    redis.call(op, key, args[from])
  else
    redis.call(op, key, unpack(args, from, to))
  end
end

-- The first argument of a call is its form: each question as `kind key`, then each write as `OP key arguments`, where `key` is
-- the number of a key, and `arguments` how many a write has beside it. There are few forms, and to read one takes longer than
-- to follow it.
local MAX_FORMS, MAX_FORM_BYTES = 200, 500
local forms, known_forms = {}, 0

local function read_form(text)
  local questions, checks, steps = {}, {}, {}
  local at, seen = 2, {}
  for kind, key in text:gmatch('(%l+) (%d+)') do
    key = tonumber(key)
    questions[#questions + 1] = { kind = kind, key = key, detail = has_detail[kind] and at }
    at = has_detail[kind] and at + 1 or at
    seen[key] = seen[key] or check_of[kind]
  end
  -- The answers that are expected stand behind all details.
  local answers = at
  at = at + #questions
  for op, key, count in text:gmatch('(%u+) (%d+) (%d+)') do
    key, count = tonumber(key), tonumber(count)
    -- A function is not undone where one of its writes fails. Where the first one does, there is nothing to undo.
    local check = check_of[op]
    if #steps > 0 and check and check ~= seen[key] then
      checks[#checks + 1] = { command = check, key = key }
    end
    seen[key] = seen[key] or check
    steps[#steps + 1] = { op = op, key = key, from = at, to = at + count - 1 }
    at = at + count
  end
  return { questions = questions, answers = answers, checks = checks, writes = steps }
end

local function form_of(text)
  if forms[text] then
    return forms[text]
  end
  local form = read_form(text)
  if #text <= MAX_FORM_BYTES then
    if known_forms == MAX_FORMS then
      forms, known_forms = {}, 0
    end
    forms[text], known_forms = form, known_forms + 1
  end
  return form
end

-- keys: any. args: the form, then the details of the questions. Returns the answers.
local function look(keys, args)
  local seen = {}
  local questions = form_of(args[1]).questions
  for i = 1, #questions do
    local question = questions[i]
    seen[i] = see[question.kind](keys[question.key], args[question.detail])
  end
  return seen
end

-- Writes all or nothing. args: the form; the details of the questions; the answers in brief that are expected; the arguments of
-- the writes. Returns 1, or the answers to all questions where one has another answer than expected.
local function commit(keys, args)
  local form = form_of(args[1])
  local questions, checks, steps = form.questions, form.checks, form.writes
  for i = 1, #questions do
    local question = questions[i]
    local now = brief[question.kind](keys[question.key], args[question.detail])
    local wanted = args[form.answers + i - 1]
    if now ~= wanted then
      return look(keys, args)
    end
  end
  for i = 1, #checks do
    redis.call(checks[i].command, keys[checks[i].key])
  end
  for i = 1, #steps do
    local step = steps[i]
    write(step.op, keys[step.key], args, step.from, step.to)
  end
  return 1
end

-- What may be so of a key, by kind.
local is_so = {
  -- The stream ends with another entry than this one. `detail`: its id; empty: none.
  news = function(key, detail)
    local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    return (newest and newest[1] or '') ~= detail
  end,
  -- The sorted set has scores up to this one.
  due = function(key, detail)
    return redis.call('ZCOUNT', key, '-inf', detail) > 0
  end,
}

-- keys: none, for those that are asked of may be of all shards of the master. args: a kind, then a key and a detail for each.
-- Returns the numbers of those of which it is so, or that cannot be read here: their slot has moved, perhaps.
local function which(_, args)
  local found = {}
  for number = 1, (#args - 1) / 2 do
    local was_read, answer = pcall(is_so[args[1]], args[2 * number], args[2 * number + 1])
    if answer or not was_read then
      found[#found + 1] = number
    end
  end
  return found
end

redis.register_function('NAME_commit', commit)

local function register_read(name, callback, ...)
  redis.register_function({ function_name = name, callback = callback, flags = { 'no-writes', ... } })
end

register_read('NAME_look', look)
register_read('NAME_which', which, 'allow-cross-slot-keys')
