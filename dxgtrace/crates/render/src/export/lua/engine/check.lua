-- Checking -------------------------------------------------------------------
--
-- The rules of the native checker. `found` takes the code, its parameters by
-- name, the offset in the payload and the index of the element.

local function check_short(body, found)
  local short = body.short
  if not short then return end
  local entry = short.of_tail and code.CountBeyondEnd or code.SizeShort
  found(entry, { part = short.part, needed = short.wanted, present = short.had }, body.base + short.at)
end

local function round8(size) return floor((size + 7) / 8) * 8 end

local function check_command_size(body, exact, found)
  check_short(body, found)
  local described = body.described
  if described and not body.short then
    local stop = exact and described or round8(described)
    if body.length > stop then
      found(code.SizeTrailing, { trailing = body.length - stop }, body.base + described)
    end
  end
  for _, field in ipairs(body.layout.fields) do
    local used = field.used
    -- Where the driver limits a count, the limit is what is checked.
    if used and not used.limited and applies(body, field) then
      local count = read(body.s, body.zero + used.at, used.size)
      if count and count > field.count then
        found(code.CountArray, { field = used.name, count = count, room = field.count }, body.base + field.at)
      end
    end
  end
end

-- The room that the driver made for a reply.
local function check_reply_room(layout, by_protocol, room, found)
  local other_sizes = layout.other_sizes
  if layout.read and by_protocol and room and room ~= by_protocol
    and not (other_sizes and other_sizes[room]) then
    found(code.SizeReplyRoom, { needed = by_protocol, present = room }, 0)
  end
end

-- A reply that is too short: the driver reads none of it.
local function check_short_reply(message, short, length, found)
  found(code.SizeReplyShort, { needed = short.expected, present = length }, 0)
  if short.status and short.status >= FAILURE then
    found(code.StatusBare, { message = message.name, status = short.status }, short.status_at)
  end
end

local function check_reply_size(body, expected, found)
  if not expected or not body.layout.read then return end
  check_short(body, found)
  if body.described and not body.short then
    local stop = round8(max(body.described, expected))
    if body.length > stop then
      found(code.SizeReplyLong, { trailing = body.length - stop }, stop)
    end
  end
end

-- Checks that a value has a name, where its type has names.
local function check_named(field, value, found, at, index)
  local kind = field.type
  if field.bit_fields then
    local rest = unnamed_bits(field.names, value)
    if rest ~= 0 then found(code.FlagUnknown, { field = field.name, bits = rest }, at, index) end
  elseif kind == "enum" then
    if not field.names.values[value] then
      found(code.EnumUnknown, { field = field.name, value = value }, at, index)
    end
  elseif kind == "bool" and value > 1 then
    found(code.BoolValue, { field = field.name, value = value }, at, index)
  end
end

-- Checks a value against its field's rule; whether it obeys.
local function check_rule(field, value, found, at)
  if not field.rule then return true end
  local limit = field.high
  if type(value) == "number" then
    if value >= field.low and value <= limit then return true end
    if value < field.low then limit = field.low end
  end
  -- Of these parameters each kind of rule uses its own.
  found(code[field.rule], { field = field.name, value = value, limit = limit, bits = value, usual = limit }, at)
  return false
end

-- Checks the rules of a request's or event's fields, and their names.
local function check_fields(body, found)
  for _, field in ipairs(body.layout.fields) do
    if (field.rule or field.has_names) and applies(body, field) then
      local value, at = field_value(body, field), body.base + field.at
      if value and check_rule(field, value, found, at) and not field.output then
        check_named(field, value, found, at)
      end
    end
  end
end

-- Checks only the rules, as of headers.
local function check_rules(body, found)
  for _, field in ipairs(body.layout.fields) do
    local value = field.rule and applies(body, field) and field_value(body, field)
    if value then check_rule(field, value, found, body.base + field.at) end
  end
end

-- Checks only the names, as of replies.
local function check_names(body, found)
  for _, field in ipairs(body.layout.fields) do
    local value = field.has_names and applies(body, field) and field_value(body, field)
    if value then check_named(field, value, found, body.base + field.at) end
  end
end

-- Checks the members of a structure that begins at `at` of the packet.
local function check_members(body, members, at, found, index)
  for _, member in ipairs(members) do
    if member.has_names and (not member.when or holds(body, at, member.when)) then
      local value = read(body.s, at + member.at, member.size)
      if value then
        check_named(member, value, found, body.base + at - body.zero + member.at, index)
      end
    end
  end
end

local function check_tails(body, found)
  for i in ipairs(body.spans) do
    local tail = body.layout.tails[i]
    local whole, captured = elements(body, i)
    local start = body.zero + body.spans[i].at
    if not tail.output then
      if tail.members then
        for index = 0, captured - 1 do
          check_members(body, tail.members, start + index * tail.size, found, index)
        end
      elseif tail.has_names and not tail.bit_fields then
        for index = 0, captured - 1 do
          local value = read(body.s, start + index * tail.size, tail.size)
          local at = body.base + body.spans[i].at + index * tail.size
          check_named(tail, value, found, at, index)
        end
      end
      local view = tail.view
      if view and whole * tail.size >= view.struct.size and holds(body, body.zero, view.when) then
        check_members(body, view.members, start, found)
      end
    end
  end
end

local function check_gap(body, at, length, found)
  local start = body.zero + at
  local bytes = sub(body.s, start + 1, start + length)
  local _, dirty = bytes:gsub("[^\0]", "")
  if dirty > 0 then
    found(code[body.layout.padding], { dirty = dirty }, body.base + at)
  end
end

local function check_padding(body, found)
  if body.has_other_size then return end
  for _, gap in ipairs(body.layout.gaps) do check_gap(body, gap[1], gap[2], found) end
  local at, length = unused(body)
  if at then check_gap(body, at, length, found) end
end

-- Checks what the headers say against the packet and the message.
local function check_framing(packet, frame, found)
  local at = frame.base + data.framing.channel_word
  if not frame.set then
    found(code.ChannelType, { channel_type = frame.number }, at)
    return
  end
  if (frame.set == data.framing.host) == packet.outbound then
    -- The rest of the headers has no meaning in this direction.
    found(code.PacketDirection, { part = "message" }, at)
    return
  end
  if frame.set == data.framing.global and frame.word ~= frame.set then
    -- In this set the channel type is the whole word.
    found(code.ChannelType, { channel_type = frame.word }, at)
  end
  if frame.set ~= data.framing.vgpu and packet.channel_kind == data.framing.vgpu_channel then
    found(code.ChannelWrong, { set = data.sets[frame.set] }, at)
  end
  local message = frame.message
  if not message then
    local parameters = { set = data.sets[frame.set], command = frame.command }
    found(code.CommandUnknown, parameters, frame.base + data.framing.command)
  elseif message.unsent then
    found(code.CommandUnsent, { message = message.name }, frame.base + data.framing.command)
  end
  local wants_reply = packet.packet_flags % 2 == 1
  if not packet.outbound then
    if message and wants_reply then
      found(code.EventAsksReply, { message = message.name }, 0)
    end
    if message and not message.requests[1] then
      found(code.EventUnexpected, { message = message.name }, 0)
    end
    return
  end
  local is_async = frame.set == data.framing.vgpu and frame.is_async
  if is_async and message and not message.async then
    found(code.AsyncUnexpected, { message = message.name }, at)
  end
  if wants_reply == is_async then
    local bit = is_async and 1 or 0
    found(code.PacketCompletionFlag, { completion_flag = bit, async_bit = bit }, at)
  end
end
