-- Showing --------------------------------------------------------------------

-- Elements of one array that are shown at most. All are checked.
local SHOWN_ELEMENTS = 256

-- Adds one value that was captured whole.
local function show_value(tree, tvb, s, field, at)
  local range = tvb:range(at + field.wire_at, field.wire_size)
  local item = tree:add_le(field.proto_field, range)
  local kind = field.type
  if field.bit_fields then
    for _, bit_field in ipairs(field.bit_fields) do item:add_le(bit_field, range) end
  elseif kind == "luid" then
    item:append_text(" (" .. luid_text(read(s, at, 8)) .. ")")
  end
  if field.generic and read(s, at, field.size) ~= 0 then
    for _, generic in ipairs(field.generic) do tree:add_le(generic, range):set_hidden() end
  end
  return item
end

-- Adds bytes, as far as they were captured.
local function show_bytes(tree, tvb, s, proto_field, at, size)
  size = min(size, #s - at)
  if size > 0 then return tree:add(proto_field, tvb:range(at, size)) end
end

-- Adds text or opaque bytes, as far as they were captured.
local function show_run(tree, tvb, s, field, at, size)
  size = min(size, #s - at)
  if size <= 0 then return end
  local text
  if field.type == "utf16" then
    text = utf16_text(s, at, size)
  elseif field.type == "name" then
    text = name_text(sub(s, at + 1, at + size))
  else
    return tree:add(field.proto_field, tvb:range(at, size))
  end
  return tree:add(field.proto_field, tvb:range(at, size), text)
end

local function is_run(field)
  return field.type == "byte" or field.type == "utf16" or field.type == "name"
end

-- Adds `count` values in a row, as far as they were captured.
local function show_values(tree, tvb, s, field, at, count)
  count = min(count, floor(max(#s - at, 0) / field.size))
  if count == 0 then return end
  local noun = count == 1 and "element" or "elements"
  local sub_tree = tree:add(tvb:range(at, count * field.size), format("%s: %d %s", field.name, count, noun))
  for index = 0, min(count, SHOWN_ELEMENTS) - 1 do
    show_value(sub_tree, tvb, s, field, at + index * field.size):prepend_text(format("[%d] ", index))
  end
end

local function show_field(tree, tvb, body, field)
  local s, at = body.s, body.zero + field.at
  if is_run(field) and field.count > 1 then
    return show_run(tree, tvb, s, field, at, field.size * field.count)
  elseif field.count > 1 then
    local used = field.used and read(s, body.zero + field.used.at, field.used.size) or field.count
    used = min(used, field.count)
    show_values(tree, tvb, s, field, at, used)
    show_bytes(tree, tvb, s, shown.padding, at + used * field.size, (field.count - used) * field.size)
  elseif at + field.size <= #s then
    show_value(tree, tvb, s, field, at)
  end
end

-- Adds the members of a structure at `at` of the packet that apply.
local function show_members(tree, tvb, body, members, at)
  for _, member in ipairs(members) do
    if not member.when or holds(body, at, member.when) then
      local start = at + member.at
      if is_run(member) and member.count > 1 then
        show_run(tree, tvb, body.s, member, start, member.size * member.count)
      elseif start + member.size <= #body.s then
        show_value(tree, tvb, body.s, member, start)
      end
    end
  end
end

local function show_tail(tree, tvb, body, i)
  local tail = body.layout.tails[i]
  local whole, captured = elements(body, i)
  local at, size = body.zero + body.spans[i].at, tail.size
  if tail.members then
    local shown_count = min(captured, SHOWN_ELEMENTS)
    for index = 0, shown_count - 1 do
      local start = at + index * size
      local label = format("%s[%d]", tail.name, index)
      show_members(tree:add(tvb:range(start, size), label), tvb, body, tail.members, start)
    end
  elseif not is_run(tail) then
    show_values(tree, tvb, body.s, tail, at, whole)
  else
    local item = show_run(tree, tvb, body.s, tail, at, whole * size)
    local view = tail.view
    if item and view and whole * size >= view.struct.size and holds(body, body.zero, view.when) then
      show_members(item, tvb, body, view.members, at)
    end
  end
end

-- Adds everything that a layout knows of its bytes.
local function show_body(tree, tvb, body)
  local s, zero = body.s, body.zero
  for _, field in ipairs(body.layout.fields) do
    if applies(body, field) then show_field(tree, tvb, body, field) end
  end
  for _, gap in ipairs(body.layout.gaps) do
    show_bytes(tree, tvb, s, shown.padding, zero + gap[1], gap[2])
  end
  for i in ipairs(body.spans) do show_tail(tree, tvb, body, i) end
  local at, length = unused(body)
  if at then show_bytes(tree, tvb, s, shown.padding, zero + at, length) end
end

-- Adds a whole message's body, and what follows it.
local function show_message_body(tree, tvb, body)
  show_body(tree, tvb, body)
  if body.described and body.length > body.described then
    show_bytes(tree, tvb, body.s, shown.trailing, body.zero + body.described, body.length - body.described)
  end
end

-- The line of a message: its first fields that say something.
local SHOWN_FIELDS = 4

local function brief(body)
  local out, count = {}, 0
  for _, field in ipairs(body.layout.fields) do
    if field.brief and applies(body, field) then
      local value = field_value(body, field)
      if value and (value ~= 0 or field.type == "enum") then
        local text
        if field.width and field.type ~= "enum" then
          text = decimal(value)
        else
          text = field.kind.text(value, field.names)
        end
        count = count + 1
        out[count] = format(" %s=%s", field.name, text)
        if count == SHOWN_FIELDS then break end
      end
    end
  end
  return table.concat(out)
end

local function errno_text(value)
  local name = data.errnos[value]
  return name and format("-%d (%s)", value, name) or format("-%d", value)
end

-- How the parameters of findings are written.
local notations = {
  integer = decimal, decimal = decimal, bit = decimal, hexadecimal = hexadecimal, errno = errno_text,
  status = types.status.text,
}

-- The sentence of a finding: its code's pieces with the parameters put in.
local function sentence(entry, parameters, at, index)
  local out = {}
  for i, piece in ipairs(entry.sentence) do
    if type(piece) == "string" then
      out[i] = piece
    else
      local name, notation = piece[1], piece[2]
      if notation == "part" then
        out[i] = index and format("%s[%d]", parameters[name], index) or parameters[name]
      else
        out[i] = notations[notation](name == "at" and at or parameters[name])
      end
    end
  end
  return table.concat(out)
end
