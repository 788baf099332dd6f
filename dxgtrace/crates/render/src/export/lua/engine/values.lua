-- Numbers and text -----------------------------------------------------------
--
-- A packet is read as a Lua string. A number of up to 53 bits is a Lua number,
-- a larger one a UInt64. Only arithmetic that Lua 5.2 and 5.4 both know.

local byte, char, format, sub = string.byte, string.char, string.format, string.sub
local floor, min, max = math.floor, math.min, math.max

local POW2 = {}
for shift = 0, 64 do POW2[shift] = 2.0 ^ shift end

-- The little-endian number of `size` bytes at `at`; nil if not captured.
local function read(s, at, size)
  if size == 4 then
    local a, b, c, d = byte(s, at + 1, at + 4)
    return d and a + b * 256 + c * 65536 + d * 16777216
  elseif size == 8 then
    local low, high = read(s, at, 4), read(s, at + 4, 4)
    if not high then return nil end
    if high < 2097152 then return low + high * 4294967296 end
    return UInt64.new(low, high)
  elseif size == 2 then
    local a, b = byte(s, at + 1, at + 2)
    return b and a + b * 256
  end
  return (byte(s, at + 1))
end

local function halves(value)
  if type(value) == "number" then return value % 4294967296, floor(value / 4294967296) end
  return value:lower(), value:higher()
end

-- The `width` bits of a value from bit `shift` on; a value of up to 32 bits.
local function bits(value, shift, width)
  local low, high = halves(value)
  if shift >= 32 then low, shift = high, shift - 32 end
  return floor(low / POW2[shift]) % POW2[width]
end

local function decimal(value)
  if type(value) == "number" then return format("%d", value) end
  return tostring(value)
end

local function hexadecimal(value)
  local low, high = halves(value)
  if high > 0 then return format("0x%x%08x", high, low) end
  return format("0x%x", low)
end

local function signed(value)
  return format("%d", value < 2147483648 and value or value - 4294967296)
end

-- The bits of a set that have no name.
local function unnamed_bits(set, value)
  local low, high = halves(value)
  for _, bit in ipairs(set) do
    local group = bits(value, bit.shift, bit.width)
    if bit.shift < 32 then
      low = low - group * POW2[bit.shift]
    else
      high = high - group * POW2[bit.shift - 32]
    end
  end
  if high < 2097152 then return low + high * 4294967296 end
  return UInt64.new(low, high)
end

local function flags_text(set, value)
  local names = {}
  for _, bit in ipairs(set) do
    local group = bits(value, bit.shift, bit.width)
    if group ~= 0 then
      names[#names + 1] = bit.width > 1 and format("%s=%d", bit.name, group) or bit.name
    end
  end
  local rest = unnamed_bits(set, value)
  if rest ~= 0 then names[#names + 1] = hexadecimal(rest) end
  local text = hexadecimal(value)
  if #names == 0 then return text end
  return text .. " (" .. table.concat(names, " | ") .. ")"
end

local function luid_text(value)
  local low, high = halves(value)
  return format("%08x-%08x", high, low)
end

-- How a value of each type reads, and which ProtoField holds it.
local types = {
  u8 = { size = 1, field = "uint8", text = decimal },
  u16 = { size = 2, field = "uint16", text = decimal },
  u32 = { size = 4, field = "uint32", text = decimal },
  u64 = { size = 8, field = "uint64", text = decimal },
  i32 = { size = 4, field = "int32", text = signed },
  bool = { size = 1, field = "uint8", strings = { [0] = "false", [1] = "true" },
    text = function(value)
      if value < 2 then return value == 1 and "true" or "false" end
      return format("true (%d)", value)
    end },
  handle = { size = 4, field = "uint32", hex = true, text = hexadecimal },
  event = { size = 8, field = "uint64", text = decimal },
  enum = { size = 4, field = "uint32",
    text = function(value, names)
      return names.values[value] or names.signed and signed(value) or decimal(value)
    end },
  flags16 = { size = 2, field = "uint16", hex = true, text = function(v, set) return flags_text(set, v) end },
  flags32 = { size = 4, field = "uint32", hex = true, text = function(v, set) return flags_text(set, v) end },
  flags64 = { size = 8, field = "uint64", hex = true, text = function(v, set) return flags_text(set, v) end },
  status = { size = 4, field = "uint32", hex = true, strings = data.statuses,
    text = function(value) return data.statuses[value] or format("0x%08x", value) end },
  luid = { size = 8, field = "uint64", hex = true, text = luid_text },
  pointer = { size = 8, field = "uint64", hex = true, text = hexadecimal },
  address = { size = 8, field = "uint64", hex = true, text = hexadecimal },
  utf16 = { size = 2, field = "string" },
  byte = { size = 1, field = "bytes" },
  name = { size = 1, field = "string" },
}

-- A character in UTF-8.
local function utf8_of(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  local last = char(0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  if code < 0x10000 then return char(0xE0 + floor(code / 4096)) .. last end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64) .. last
end

-- Characters that a terminal would not just show.
local hidden = {
  { 0x00, 0x1F }, { 0x7F, 0x9F }, { 0xAD, 0xAD }, { 0x61C, 0x61C }, { 0x180E, 0x180E },
  { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0xFEFF, 0xFEFF },
  { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE0FFF },
}

local function escape(code)
  if code == 0x22 or code == 0x5C then return "\\" .. char(code) end
  if code >= 0x20 and code < 0x7F then return char(code) end
  for _, range in ipairs(hidden) do
    if code >= range[1] and code <= range[2] then return format("\\u{%x}", code) end
  end
  return utf8_of(code)
end

-- UTF-16 up to the first NUL, safe to print.
local function utf16_text(s, at, size)
  local out, unit = {}, 0
  local function at_unit(i)
    if i + 2 > size then return 0 end
    return read(s, at + i, 2) or 0
  end
  local i = 0
  while true do
    unit = at_unit(i)
    if unit == 0 then break end
    i = i + 2
    if unit >= 0xD800 and unit < 0xE000 then
      local second = at_unit(i)
      if unit < 0xDC00 and second >= 0xDC00 and second < 0xE000 then
        i = i + 2
        out[#out + 1] = escape(0x10000 + (unit - 0xD800) * 1024 + second - 0xDC00)
      else
        out[#out + 1] = format("\\u{%x}", unit)
      end
    else
      out[#out + 1] = escape(unit)
    end
  end
  return table.concat(out)
end

-- The character that begins at `at` of a UTF-8 string, and its length; nil if
-- none does.
local function utf8_at(s, at)
  local first = byte(s, at)
  local length, code, least
  if first < 0x80 then return first, 1 end
  if first >= 0xC2 and first < 0xE0 then length, code, least = 2, first - 0xC0, 0x80
  elseif first >= 0xE0 and first < 0xF0 then length, code, least = 3, first - 0xE0, 0x800
  elseif first >= 0xF0 and first < 0xF5 then length, code, least = 4, first - 0xF0, 0x10000
  else return nil end
  for i = at + 1, at + length - 1 do
    local next = byte(s, i)
    if not next or next < 0x80 or next >= 0xC0 then return nil end
    code = code * 64 + next - 0x80
  end
  if code < least or code > 0x10FFFF or code >= 0xD800 and code < 0xE000 then return nil end
  return code, length
end

-- Bytes up to the first NUL as text that is safe to print.
local function name_text(s)
  s = s:match("^[^\0]*")
  local out, at = {}, 1
  while at <= #s do
    local code, length = utf8_at(s, at)
    out[#out + 1] = code and escape(code) or format("\\x%02x", byte(s, at))
    at = at + (length or 1)
  end
  return table.concat(out)
end
