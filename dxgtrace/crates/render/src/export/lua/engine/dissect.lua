-- Dissecting -----------------------------------------------------------------

local member = {}
for _, field in ipairs(data.record.fields) do member[field.name] = field end

-- Names of the pseudo-header's members that dissection depends on.
local function header_value(s, name)
  local field = member[name]
  local value = read(s, field.at, field.size)
  return field.width and bits(value, field.shift, field.width) or value
end

local known_bit = {}
for _, bit in ipairs(member.known.names) do known_bit[bit.name] = bit.shift end

local function signed_32(value)
  return value < 2147483648 and value or value - 4294967296
end

-- Whether the header says that an optional member holds something.
local function is_known(known, name)
  return bits(known, known_bit[name], 1) == 1
end

local function read_packet(s)
  local known = header_value(s, "known")
  local return_value = header_value(s, "return_value")
  local start = header_value(s, "header_length")
  return {
    s = s, start = start,
    kind = header_value(s, "kind"),
    outbound = header_value(s, "direction") == data.framing.outbound,
    channel_kind = header_value(s, "channel_kind"),
    packet_type = header_value(s, "packet_type"),
    packet_flags = header_value(s, "packet_flags"),
    exact = is_known(known, "exact_length"),
    expected = is_known(known, "expected_reply") and header_value(s, "expected_reply_length") or nil,
    -- What the record claims, and what can be.
    claimed = header_value(s, "payload_length"),
    length = max(min(header_value(s, "payload_length"), data.framing.max_payload), #s - start),
    version = header_value(s, "interface_version"),
    requester = is_known(known, "requester"), task = is_known(known, "task"), thread = header_value(s, "tid"),
    ioctl = header_value(s, "ioctl"), in_ioctl = is_known(known, "ioctl"),
    ioctl_result = is_known(known, "ioctl_result") and signed_32(header_value(s, "ioctl_result")),
    send_failed = is_known(known, "return_value") and return_value ~= 0,
    channel = header_value(s, "channel"),
    transaction = header_value(s, "transaction"),
    attempts = header_value(s, "refused_attempts"),
    return_value = return_value,
    key = sub(s, member.channel.at + 1, member.channel.stop)
      .. sub(s, member.transaction.at + 1, member.transaction.stop),
  }
end

-- The interface version of a message: the recorded one unless the framing shows
-- another.
local function version_told(told, extended)
  if told ~= 0 and (told >= data.framing.version_extended) == extended then return told end
  return extended and data.framing.version_extended or data.framing.version_old
end

-- The headers of a request or event; nil and what is wrong if there are none.
local function read_frame(packet)
  local s, start = packet.s, packet.start
  local had = #s - start
  local first = read(s, start, 4)
  local base, wanted = 0, data.framing.header
  if packet.outbound then
    if first == data.framing.extended_header then
      base, wanted = data.framing.extended_header, data.framing.extended_header + wanted
    elseif first and first ~= 0 then
      return nil, first
    end
  end
  if had < wanted then return nil, nil, wanted end
  local word = read(s, start + base + data.framing.channel_word, 4)
  local command = read(s, start + base + data.framing.command, 4)
  local number = bits(word, 0, data.framing.channel_type_width)
  local set = data.sets[number] and number
  -- The guest never looks at a host message's channel type.
  if not packet.outbound and number == data.framing.vgpu then set = data.framing.host end
  return {
    base = base, word = word, number = number, set = set, command = command,
    is_async = bits(word, data.framing.async_bit, 1) == 1,
    message = set and commands[set][command],
    version = version_told(packet.version, base > 0),
  }
end

local function unknown_name(frame)
  return format("unknown command %d (%s set)", frame.command, frame.set and data.sets[frame.set] or "no")
end

-- A request or event.
local function command(packet, root, tvb, found)
  local s, start = packet.s, packet.start
  local frame, foreign, wanted = read_frame(packet)
  if not frame then
    if foreign then
      found(code.FramingForeign, { word = foreign }, 0)
    elseif packet.length < wanted or #s - start >= packet.length then
      found(code.FramingShort, { needed = wanted, present = packet.length }, 0)
    end
    return
  end
  local message, zero = frame.message, start + frame.base
  local headers = {}
  if frame.base > 0 then headers[1] = locate(data.extended, s, start, 0, packet.length) end
  headers[#headers + 1] =
    locate(data.headers[frame.set or data.framing.vgpu], s, zero, frame.base, packet.length - frame.base)
  local layout = message
    and select_form(message.requests, frame.version, packet.length - frame.base, packet.exact)
  local body = layout and locate(layout, s, zero, frame.base, packet.length - frame.base)

  check_framing(packet, frame, found)
  if body then check_command_size(body, packet.exact, found) end
  for _, header in ipairs(headers) do
    check_rules(header, found)
    if packet.outbound then check_padding(header, found) end
  end
  if body then
    check_fields(body, found)
    check_tails(body, found)
    if packet.outbound then check_padding(body, found) end
  end

  local name = message and message.name or unknown_name(frame)
  if root then
    if message then root:add(shown.message, tvb:range(zero), message.name):set_generated() end
    root:add(shown.part, tvb:range(start), packet.outbound and data.parts.request or data.parts.event):set_generated()
    for _, header in ipairs(headers) do show_body(root, tvb, header) end
    if body then
      show_message_body(root, tvb, body)
    else
      show_bytes(root, tvb, s, shown.body, zero + data.framing.header, #s)
    end
  end
  return {
    name = name, line = name .. (body and brief(body) or ""),
    message = message, version = frame.version,
    request_values = request_values_of(body),
  }
end

-- The reply to `request`.
local function reply(packet, request, root, tvb, found)
  local s, start = packet.s, packet.start
  local message = request.message
  local layout = message and select_form(message.replies, request.version, packet.length, false)
  local by_protocol = layout and expected_length(layout, request.request_values)
  local expected = packet.expected or by_protocol
  local short = layout and short_reply(layout, s, start, packet.length, expected)
  local body = layout and not short
    and locate(layout, s, start, 0, packet.length, request.request_values)
  local status, status_at
  if layout then check_reply_room(layout, by_protocol, packet.expected, found) end
  if short then
    check_short_reply(message, short, packet.length, found)
    status, status_at = short.status, short.status_at
  elseif body then
    check_reply_size(body, expected, found)
    check_names(body, found)
    check_tails(body, found)
    status_at = layout.status
    status = status_at and read(s, start + status_at, 4)
  end
  if root then
    if message then root:add(shown.message, message.name):set_generated() end
    root:add(shown.part, data.parts.reply):set_generated()
    if status then
      local item = root:add_le(shown.status, tvb:range(start + status_at, 4))
      -- The body shows it too, unless there is none.
      if body then item:set_hidden() end
    end
    if body then
      if layout.echo then show_body(root, tvb, locate(data.headers[message.set], s, start, 0, packet.length)) end
      show_message_body(root, tvb, body)
    else
      show_bytes(root, tvb, s, shown.body, start, #s)
    end
  end
  local name = message and message.name or data.lines.unknown
  local line = name .. " reply"
  if status then line = line .. " " .. types.status.text(status) end
  return { name = name, line = line .. (body and brief(body) or "") }
end

-- The line of a packet, whether a message was found in it or not.
local function line_of(packet, decoded)
  if packet.kind == data.kind.refused then
    return (decoded and decoded.name or data.lines.nameless) .. data.lines.refused
  elseif decoded then
    return decoded.line
  elseif packet.packet_type == data.framing.completion and not packet.outbound then
    return data.lines.orphan
  end
  return format("not a message (packet type %d, %d bytes)", packet.packet_type, packet.claimed)
end

local function nothing() end

-- Decodes a packet; returns its line.
local function message_line(packet, pinfo, root, tvb, found)
  if packet.kind == data.kind.refused then
    packet.outbound = true
    local decoded = command(packet, root, tvb, nothing)
    local name = decoded and (decoded.message and decoded.message.name or data.lines.unknown)
    local errno = packet.return_value
    found(code.SendRefused, {
      message = name or data.lines.nameless,
      errno = errno < 2147483648 and errno or 4294967296 - errno,
      attempts = packet.attempts,
      length = packet.length,
    }, 0)
    return line_of(packet, decoded)
  elseif packet.packet_type == data.framing.completion then
    if packet.outbound then
      found(code.PacketDirection, { part = "completion" }, 0)
      return line_of(packet)
    end
    local request = answer(packet, pinfo)
    if not request then
      if root then show_bytes(root, tvb, packet.s, shown.body, packet.start, #packet.s) end
      return line_of(packet)
    end
    return line_of(packet, reply(packet, request, root, tvb, found))
  elseif packet.packet_type ~= data.framing.inband then
    found(code.PacketType, { packet_type = packet.packet_type }, 0)
    return line_of(packet)
  end
  local decoded = command(packet, root, tvb, found)
  if decoded and packet.outbound then ask(packet, pinfo, decoded) end
  return line_of(packet, decoded)
end

local function lost_line(packet, pinfo, root, tvb)
  if not pinfo.visited then gap(pinfo.number) end
  local body = locate(data.lost, packet.s, packet.start, 0, packet.length)
  if root then show_message_body(root, tvb, body) end
  local total, at = 0, packet.start
  if body.short or (#packet.s - at) % 8 ~= 0 then return format(data.lines.lost, "0") end
  for cause = at, #packet.s - 8, 8 do
    local value = read(packet.s, cause, 8)
    total = type(value) == "number" and type(total) == "number" and total + value or UInt64.max()
  end
  return format(data.lines.lost, decimal(total))
end

-- What a function returned, with the name of the error.
local function returned(value)
  local errno = data.errnos[-value]
  return format(" = %d%s", value, errno and format(" (%s)", errno) or "")
end

local function ioctl_line(packet, pinfo, root, tvb)
  local s = packet.s
  ioctl_ended(packet, pinfo)
  if root then show_message_body(root, tvb, locate(data.ioctl, s, packet.start, 0, packet.length)) end
  local request, result = packet.ioctl, packet.ioctl_result
  local line = member.ioctl.names.values[request] or format("ioctl 0x%x", request)
  if not result then return line .. data.lines.unseen end
  return line .. returned(result)
end

local function channel_line(packet, root, tvb)
  local s = packet.s
  local body = locate(data.channel, s, packet.start, 0, packet.length)
  if root then show_message_body(root, tvb, body) end
  local field = data.channel.fields[1]
  local event = not body.short and field.names.values[read(s, packet.start + field.at, field.size)]
  if not event then return data.lines.channel_unknown end
  local line = data.lines.channel .. event
  return packet.send_failed and line .. returned(signed_32(packet.return_value)) or line
end

local HEADER_SIZE = data.record.size
local self_dissector

function proto.dissector(tvb, pinfo, tree)
  local captured = tvb:captured_len()
  if captured < HEADER_SIZE then return 0 end
  local s = tvb:raw(0, captured)
  local packet = read_packet(s)
  if packet.start < HEADER_SIZE or packet.start > captured then return 0 end
  pinfo.cols.protocol = data.protocol
  pinfo.cols.src = packet.outbound and "guest" or "host"
  pinfo.cols.dst = packet.outbound and "host" or "guest"

  local root = tree:add(proto, tvb())
  -- Checks are made always; what is shown is built only for who looks at it.
  self_dissector = self_dissector or Dissector.get(data.protocol)
  local detail = tree:referenced(self_dissector) and root
  if detail then
    local record = root:add(tvb:range(0, packet.start), "Record")
    show_body(record, tvb, locate(data.record, s, 0, 0, packet.start))
    local missing = packet.claimed - (captured - packet.start)
    if missing > 0 then root:add(shown.missing, missing):set_generated() end
  end

  local function found(entry, parameters, at, index)
    local place = packet.start + at
    local item
    if place < captured then
      item = root:add(shown.finding, tvb:range(place, 1), entry.word)
    else
      item = root:add(shown.finding, entry.word)
    end
    item:set_generated()
    item:add_proto_expert_info(entry.expert, sentence(entry, parameters, at, index))
  end

  sent(packet, pinfo)
  local line
  if packet.kind == data.kind.lost then
    line = lost_line(packet, pinfo, detail, tvb)
  elseif packet.kind == data.kind.ioctl then
    line = ioctl_line(packet, pinfo, detail, tvb)
  elseif packet.kind == data.kind.channel then
    line = channel_line(packet, detail, tvb)
  elseif packet.kind == data.kind.packet or packet.kind == data.kind.refused then
    line = message_line(packet, pinfo, detail, tvb, found)
    local remark = remarks[pinfo.number]
    if remark then found(remark.code, remark.parameters, 0) end
    if detail then show_links(root, pinfo.number) end
  else
    line = line_of(packet)
  end
  pinfo.cols.info = line
  root:append_text(", " .. line)
  return captured
end
