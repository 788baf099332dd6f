-- Fields ---------------------------------------------------------------------
--
-- Every ProtoField is declared when the script is loaded, so that filters,
-- columns and `-G fields` know it.

local proto = Proto(data.protocol, "GPU paravirtualization (dxgkrnl)")
local PREFIX = "dxg."

local declared, by_name = {}, {}

-- Declares a field, or finds it if a part of the same name declared it. Where forms
-- of a message differ in its width, each has a field of its own behind the name.
local function declare(name, make, kind)
  local key = name .. " " .. (kind or "")
  if not by_name[key] then
    by_name[key] = make(PREFIX .. name)
    declared[#declared + 1] = by_name[key]
  end
  return by_name[key]
end

local function mask_of(shift, width) return POW2[shift] * (POW2[width] - 1) end

-- The ProtoField of a described value.
local function declare_value(name, field)
  local kind = types[field.type]
  local label = field.name or name
  return declare(name, function(abbreviation)
    if kind.field == "string" then
      return ProtoField.string(abbreviation, label, base.UNICODE, field.doc)
    elseif kind.field == "bytes" then
      return ProtoField.bytes(abbreviation, label, base.NONE, field.doc)
    end
    local make = ProtoField[kind.field]
    local strings = kind.strings
    if field.type == "enum" then
      strings = field.names.values
      if field.names.signed then make = ProtoField.int32 end
    end
    local mask = field.mask and mask_of(field.shift, field.width)
    return make(abbreviation, label, kind.hex and base.HEX or base.DEC, strings, mask, field.doc)
  end, kind.field)
end

-- The ProtoFields of a set's bits, under the name of their field.
local function declare_bits(name, field)
  local out = {}
  local size = types[field.type].size
  for i, bit in ipairs(field.names) do
    local mask = mask_of(bit.shift, bit.width)
    out[i] = declare(name .. "." .. bit.name, function(abbreviation)
      if bit.width == 1 then
        return ProtoField.bool(abbreviation, bit.name, 8 * size, nil, mask)
      end
      return ProtoField["uint" .. 8 * size](abbreviation, bit.name, base.DEC, nil, mask)
    end)
  end
  return out
end

-- Prepares a described value: its ProtoFields, and what decoding needs often.
local function prepare(field, prefix)
  local kind = types[field.type]
  local name = prefix .. field.name
  field.kind = kind
  field.size = kind.size
  field.count = field.count or 1
  if field.at then field.stop = field.at + field.size * field.count end
  field.wire_at, field.wire_size = 0, field.size
  if field.width then
    -- A bit field of whole bytes is shown as those bytes, any other by a mask.
    if field.shift % 8 == 0 and field.width % 8 == 0 then
      field.wire_at, field.wire_size = field.shift / 8, field.width / 8
    else
      field.mask = true
    end
  end
  field.proto_field = declare_value(name, field)
  if field.type:sub(1, 5) == "flags" then field.bit_fields = declare_bits(name, field) end
  field.has_names = field.bit_fields or field.type == "enum" or field.type == "bool"
  if field.kinds then
    field.generic = {}
    for i, kind_name in ipairs(field.kinds) do
      field.generic[i] = declare_value(kind_name, { type = field.type, doc = "Any handle of this kind." })
    end
  end
end

local function prepare_layout(layout, prefix)
  for _, field in ipairs(layout.fields) do prepare(field, prefix) end
  for _, tail in ipairs(layout.tails) do
    if tail.struct then
      tail.size = tail.struct.size
      tail.members = {}
      for i, member in ipairs(tail.struct) do
        tail.members[i] = setmetatable({}, { __index = member })
        prepare(tail.members[i], prefix .. tail.name .. ".")
      end
    else
      prepare(tail, prefix)
    end
    if tail.view then
      tail.view.members = {}
      for i, member in ipairs(tail.view.struct) do
        tail.view.members[i] = setmetatable({}, { __index = member })
        prepare(tail.view.members[i], prefix .. tail.name .. ".")
      end
    end
  end
end

local function plain(name, kind, label, doc, strings)
  return declare(name, function(abbreviation)
    if kind == "string" then return ProtoField.string(abbreviation, label, base.UNICODE, doc) end
    if kind == "bytes" then return ProtoField.bytes(abbreviation, label, base.NONE, doc) end
    return ProtoField[kind](abbreviation, label, base.HEX, strings, nil, doc)
  end)
end

-- What the engine itself tells.
local shown = {
  message = plain("message", "string", "Message", "Name of the message."),
  part = plain("part", "string", "Part", "Request, reply or event."),
  status = plain("status", "uint32", "Status", "Status of any reply.", data.statuses),
  finding = plain("finding", "string", "Finding", "Code of a finding."),
  padding = plain("padding", "bytes", "unused", "Bytes that mean nothing."),
  trailing = plain("trailing", "bytes", "trailing", "Bytes behind the described end."),
  body = plain("body", "bytes", "body", "A body whose layout is not known."),
  missing = declare("missing", function(abbreviation)
    return ProtoField.uint32(abbreviation, "Not captured", base.DEC, nil, nil, "Bytes that travelled, but were not captured.")
  end),
  request_in = declare("request_in", function(abbreviation)
    return ProtoField.framenum(abbreviation, "Request in", base.NONE, frametype.REQUEST)
  end),
  reply_in = declare("reply_in", function(abbreviation)
    return ProtoField.framenum(abbreviation, "Reply in", base.NONE, frametype.RESPONSE)
  end),
  time = declare("time", function(abbreviation)
    return ProtoField.relative_time(abbreviation, "Time", "From the request to its reply.")
  end),
}

prepare_layout(data.record, "")
prepare_layout(data.lost, "")
prepare_layout(data.ioctl, "")
prepare_layout(data.extended, "")
for set = 0, #data.sets do prepare_layout(data.headers[set], "") end

local commands = {}
for set = 0, #data.sets do commands[set] = {} end
for _, message in ipairs(data.messages) do
  local prefix = message.name .. "."
  commands[message.set][message.id] = message
  for _, request in ipairs(message.requests) do prepare_layout(request, prefix) end
  for _, reply in ipairs(message.replies) do prepare_layout(reply, prefix) end
end

proto.fields = declared

local code, experts = {}, {}
for _, entry in ipairs(data.codes) do
  code[entry.id] = entry
  entry.expert = ProtoExpert.new(PREFIX .. "finding." .. entry.word, entry.word,
    expert.group.PROTOCOL, expert.severity[entry.severity:upper()])
  experts[#experts + 1] = entry.expert
end
proto.experts = experts
