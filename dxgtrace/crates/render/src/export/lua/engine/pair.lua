-- Pairing --------------------------------------------------------------------
--
-- A reply has no header: what it is follows from its request, found by channel
-- and transaction id. The tables are filled in the first pass and kept for
-- later looks at single packets.

-- By channel and id: the request that waits.
local pending = {}
-- By channel: the transaction ids seen on it, which count up from 1, and of the
-- latest answered ones the frames of their requests.
local channels = {}
-- How many answered ids are kept of a channel: each has its place.
local ANSWERED = 512
-- The frame of the latest loss.
local lost_at = 0
-- Whether a message was sent that wants no reply.
local sent_async = false
-- By thread: the ioctl in progress with its messages in the capture, and the
-- key of the request that the thread waits for.
local ioctls, waits = {}, {}
-- Where the end of an ioctl counts its messages.
local ioctl_messages
for _, field in ipairs(data.ioctl.fields) do
  if field.name == "ioctl_messages" then ioctl_messages = field end
end
-- By frame: the request of a reply, the request itself, what is odd about it.
local replies, requests, remarks = {}, {}, {}

function proto.init()
  pending, channels, lost_at, sent_async = {}, {}, 0, false
  ioctls, waits = {}, {}
  replies, requests, remarks = {}, {}, {}
end

local function comparable(id)
  return type(id) == "number" and id or id:tonumber()
end

local function nanoseconds(seconds)
  local whole = floor(seconds)
  return NSTime.new(whole, floor((seconds - whole) * 1e9 + 0.5))
end

-- The place of an id among the answered ones.
local function place(id)
  return (type(id) == "number" and id or id:lower()) % ANSWERED
end

-- The frame of the request with that id, if it was answered.
local function answered_in(ids, packet)
  local one = ids.answered[place(packet.transaction)]
  return one and one.key == packet.key and one.frame or nil
end

-- The channel was closed and opened anew: what waits on it is never answered.
local function restart(packet, pinfo)
  local count = 0
  for key, request in pairs(pending) do
    if request.channel == packet.channel then
      pending[key] = nil
      count = count + 1
    end
  end
  channels[packet.channel] = nil
  remarks[pinfo.number] = { code = code.ChannelReopened, parameters = { unanswered = count } }
end

-- Takes a request. A later one of the same id replaces it.
local function ask(packet, pinfo, decoded)
  if pinfo.visited then return end
  if packet.packet_flags % 2 == 0 then
    sent_async = true
    return
  end
  local id = comparable(packet.transaction)
  if id == 1 and channels[packet.channel] then restart(packet, pinfo) end
  local ids = channels[packet.channel]
  if not ids then
    ids = { first = id, last = id, answered = {} }
    channels[packet.channel] = ids
  end
  ids.last = math.max(ids.last, id)
  -- The count goes on where it was: nothing of this channel was lost.
  if ids.before_gap and ids.before_gap + 1 >= id then ids.before_gap = nil end
  local older = pending[packet.key]
  if older then
    remarks[pinfo.number] = {
      code = code.TransactionReused, parameters = {
        message = older.message and older.message.name or data.lines.unknown,
        transaction = packet.transaction, request = older.frame,
      },
    }
  end
  local request = {
    frame = pinfo.number, at = pinfo.rel_ts, message = decoded.message, channel = packet.channel,
    version = decoded.version, request_values = decoded.request_values, thread = packet.thread,
  }
  if answered_in(ids, packet) then ids.answered[place(packet.transaction)] = nil end
  if packet.task then waits[packet.thread] = packet.key end
  pending[packet.key] = request
  requests[pinfo.number] = request
end

-- What a reply without a waiting request is reported as, and of a second reply
-- the frame of the request.
local function stray(packet)
  -- Ids count from 1. Without a message that wants no reply, it answers nothing.
  if packet.transaction == 0 then
    return sent_async and code.ReplyUnwanted or code.ReplyOrphan
  end
  local ids, id = channels[packet.channel], comparable(packet.transaction)
  if not ids then
    return packet.requester and code.ReplyInGap or code.ReplyBeforeCapture
  end
  local frame = answered_in(ids, packet)
  if frame then
    -- The channel may have been opened anew among the lost packets.
    if ids.before_gap and frame <= lost_at then return code.ReplyInGap end
    return code.ReplyDuplicate, frame
  elseif id < ids.first then
    return code.ReplyBeforeCapture
  elseif ids.before_gap then
    return code.ReplyInGap
  end
  return code.ReplyOrphan
end

-- Takes a reply; the request that it answers, which it uses up.
local function answer(packet, pinfo)
  if pinfo.visited then return replies[pinfo.number] end
  local request = pending[packet.key]
  if request then
    pending[packet.key] = nil
    local ids = channels[packet.channel]
    if ids then ids.answered[place(packet.transaction)] = { key = packet.key, frame = request.frame } end
    request.reply = pinfo.number
    request.time = nanoseconds(pinfo.rel_ts - request.at)
    replies[pinfo.number] = request
  else
    local entry, frame = stray(packet)
    remarks[pinfo.number] = {
      code = entry, parameters = { transaction = packet.transaction, request = frame },
    }
  end
  return request
end

-- Packets are missing here.
local function gap(number)
  lost_at = number
  for _, ids in pairs(channels) do ids.before_gap = ids.before_gap or ids.last end
end

-- Counts the messages that the capture holds of an ioctl, and those that could
-- not be sent, which the probe may have counted.
local function sent(packet, pinfo)
  if pinfo.visited or not (packet.outbound and packet.task and packet.in_ioctl) then return end
  local call = ioctls[packet.thread]
  if not call or call.ioctl ~= packet.ioctl then
    call = { ioctl = packet.ioctl, messages = 0 }
    ioctls[packet.thread] = call
  end
  if packet.kind == data.kind.packet or packet.kind == data.kind.refused then
    call.messages = call.messages + 1
  end
end

-- Takes the end of an ioctl, which may prove that packets are missing which
-- nobody counted: a reply that the thread no longer waits for, or a message.
local function ioctl_ended(packet, pinfo)
  if pinfo.visited then return end
  local thread, result = packet.thread, packet.ioctl_result
  local key, call = waits[thread], ioctls[thread]
  waits[thread], ioctls[thread] = nil, nil
  local request = key and pending[key]
  local needs_reply = result and not data.interrupted[result] and not packet.send_failed
  local captured = call and call.ioctl == packet.ioctl and call.messages or 0
  local messages = #packet.s - packet.start >= data.ioctl.size
    and comparable(read(packet.s, packet.start + ioctl_messages.at, ioctl_messages.size)) or 0
  if not result or messages > captured or (needs_reply and request and request.thread == thread) then
    gap(pinfo.number)
  end
end

-- Links between a request and its reply.
local function show_links(root, number)
  local asked, answered = requests[number], replies[number]
  if asked and asked.reply then root:add(shown.reply_in, asked.reply):set_generated() end
  if answered then
    root:add(shown.request_in, answered.frame):set_generated()
    root:add(shown.time, answered.time):set_generated()
  end
end
