-- Locating -------------------------------------------------------------------
--
-- A layout laid over a packet: `s` is the packet, `zero` where the layout's
-- offsets count from, `length` how many bytes travelled from there. What was
-- not captured reads as nil, whatever the layout says.

-- The number that a field holds, if it was captured.
local function field_value(body, field)
  local value = read(body.s, body.zero + field.at, field.size)
  if value and field.width then return bits(value, field.shift, field.width) end
  return value
end

-- Whether a condition holds in the bytes from `zero` on.
local function holds(body, zero, when)
  local value
  if when.request then
    value = body.request_values[body.layout.selector]
  else
    value = read(body.s, zero + when.at, when.size)
  end
  if not value then return false end
  if when.width then value = bits(value, when.shift, when.width) end
  return when.values[value] or false
end

local function applies(body, field)
  return field.stop <= body.length and (not field.when or holds(body, body.zero, field.when))
end

-- The number at `at`; 0 if the message ends before it, nil if only the
-- capture does.
local function settled(body, at, size)
  local value = read(body.s, body.zero + at, size)
  if not value and at + size > body.length then return 0 end
  return value
end

-- Sum of the member at `member` over the elements of an earlier tail.
local function sum(body, tail, stride, member)
  local span, total = body.spans[tail], 0
  if not span or #body.s - body.zero < min(span.at + span.count * stride, body.length) then return nil end
  local s, at = body.s, body.zero + span.at
  for _ = 1, span.count do
    local value = read(s, at + member, 4)
    if not value then break end
    total = total + value
    at = at + stride
  end
  return total
end

-- How many elements a tail at `at` has; nil if the capture was cut before the
-- count.
local count_by = {
  at = function(body, len) return settled(body, len[2], 4) end,
  at_or_one = function(body, len)
    local count = settled(body, len[2], 4)
    return count and max(count, 1)
  end,
  at_if_room = function(body, len, at, tail)
    local count = settled(body, len[2], 4)
    return count and (max(body.length - at, 0) >= count * tail.size and count or 0)
  end,
  at_if = function(body, len)
    local flag = settled(body, len[3], 1)
    if not flag or flag == 0 then return flag end
    return settled(body, len[2], 4)
  end,
  sum = function(body, len) return sum(body, len[2], len[3], len[4]) end,
  fill = function(body, _, at, tail) return floor(max((body.layout.total or 0) - at, 0) / tail.size) end,
  area = function(body, len)
    local count = settled(body, len[4], 4)
    return count and floor((len[2] + len[3] * max(count, 1) + 7) / 8) * 8
  end,
  request = function(body, len) return body.request_values[len[2]] end,
}

-- The total length when the tails take `size` bytes.
local function total_with(layout, size)
  if layout.total then return layout.total end
  local total = max(layout.tails_at + layout.slack + size, layout.min)
  return layout.round8 and floor((total + 7) / 8) * 8 or total
end

-- The first part of the fixed part that does not fit.
local function fixed_shortfall(layout, length)
  for _, field in ipairs(layout.fields) do
    if field.stop > length then
      local had = max(length - field.at, 0)
      return { part = field.name, at = field.at, wanted = field.stop - field.at, had = had }
    end
  end
  local wanted = layout.tails_at - length
  return { part = "the padding of the fixed part", at = length, wanted = wanted, had = 0 }
end

local NOTHING = {}

-- A tail whose count was not captured has no span, nor have those behind it;
-- then `described`, the length by layout and counts, is not known either.
local function locate(layout, s, zero, base, length, request_values)
  length = max(length, 0)
  local body = {
    layout = layout, s = s, zero = zero, base = base, length = length,
    request_values = request_values or NOTHING, spans = {},
  }
  local at = layout.tails_at
  if length < at then body.short = fixed_shortfall(layout, length) end
  for i, tail in ipairs(layout.tails) do
    local count = count_by[tail.len[1]](body, tail.len, at, tail)
    if not count then return body end
    body.spans[i] = { at = at, count = count }
    local size, had = count * tail.size, max(length - at, 0)
    if size > had and not body.short then
      body.short = { part = tail.name, at = at, wanted = size, had = had, of_tail = true }
    end
    at = at + size
  end
  body.stop = at
  body.has_other_size = layout.other_sizes and layout.other_sizes[length]
  body.described = body.has_other_size and length or total_with(layout, at - layout.tails_at)
  if not body.short and length < body.described then
    body.short = {
      part = "the unused bytes at the end", at = at, wanted = body.described - at, had = max(length - at, 0),
    }
  end
  return body
end

-- The unused bytes behind the last tail: offset and length.
local function unused(body)
  if not body.described then return nil end
  local stop = min(body.described, body.length)
  if body.stop < stop then return body.stop, stop - body.stop end
end

-- The number of elements of tail `i` that lie whole within the message, and
-- of those that were captured.
local function elements(body, i)
  local tail, span = body.layout.tails[i], body.spans[i]
  local whole = min(span.count, floor(max(body.length - span.at, 0) / tail.size))
  local captured = floor(max(#body.s - body.zero - span.at, 0) / tail.size)
  return whole, min(whole, captured)
end

-- What the replies of a message need of its request.
local function request_values_of(body)
  local values = {}
  for i, value in ipairs(body and body.layout.request_values or NOTHING) do
    values[i] = value and count_by[value[1]](body, value) or nil
  end
  return values
end

-- Whether a message of `length` bytes has a form that is known by its lengths.
local function fits(form, length, exact)
  if not form.lengths then return true end
  for _, known in ipairs(form.lengths) do
    if length == known or not exact and length == floor((known + 7) / 8) * 8 then return true end
  end
  return false
end

-- The form of a part in an interface version: `length` bytes of it travelled.
local function select_form(forms, version, length, exact)
  for _, form in ipairs(forms) do
    if form.since <= version and fits(form, length, exact) then return form end
  end
end

-- From here on a status is one of failure, and of an error in any facility.
local FAILURE, ERROR = 2147483648, 12
-- A reply of at most this many bytes can be a status and nothing else.
local STATUS_ONLY = 8

-- Whether a word that a short reply begins with is the status of a failure: one
-- with a name, or an error of any facility with nothing behind it.
local function is_status_alone(word, length)
  return word >= FAILURE
    and (data.statuses[word] or length <= STATUS_ONLY and bits(word, 28, 4) == ERROR)
end

-- A reply of `length` bytes that is too short for the driver, which reads none of
-- it; nil if it is not.
local function short_reply(layout, s, start, length, expected)
  if not layout.read or not expected or length >= expected then return nil end
  local first, at = read(s, start, 4), nil
  if first and is_status_alone(first, length) then
    at = 0
  elseif layout.status and layout.status + 4 <= length then
    at = layout.status
  end
  return { expected = expected, status = at and read(s, start + at, 4), status_at = at or 0 }
end

-- Bytes that the driver expects of a reply; nil if that is not known.
local function expected_length(layout, request_values)
  if not layout.read then return 0 end
  local size = 0
  for _, tail in ipairs(layout.tails) do
    local len = tail.expects or tail.len
    if len[1] == "request" then
      local count = request_values[len[2]]
      if not count then return nil end
      size = size + count * tail.size
    end
  end
  return total_with(layout, size)
end
