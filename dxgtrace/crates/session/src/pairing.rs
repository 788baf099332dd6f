//! Pairs requests with replies by channel number and transaction id.

use rustc_hash::{FxHashMap, FxHashSet};

use super::lifetimes::RequestContext;
use dxgtrace_protocol::decode::{Decoded, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, TRANSACTION_STEP_MAX};

/// Maximum number of outstanding requests; beyond it, the older half is
/// forgotten. A guest has at most one outstanding request for each thread, so
/// real captures stay far below.
const WAITING_MAX: usize = 1 << 16;
/// Number of answered ids kept for each channel, to tell a duplicate reply from
/// an orphan. Must be a power of two: an id selects its slot modulo this
/// number.
const ANSWERED_MAX: usize = 1 << 9;
/// Maximum number of channels. A guest has one, and one for each virtual GPU.
const CHANNELS_MAX: usize = 1 << 8;
/// Maximum number of threads whose latest request is kept.
const THREADS_MAX: usize = 1 << 14;
/// Replies remembered on each channel.
const RECENT_REPLIES: usize = 1 << 6;

/// Maximum number of ended processes that are kept.
const ENDED_PROCESSES_MAX: usize = 1 << 14;
/// Results of an ioctl whose wait a signal ended: -EINTR, or one of the
/// kernel's internal restart codes.
pub const INTERRUPTED: [i32; 6] = [-4, -512, -513, -514, -515, -516];

/// Channel number and transaction id.
type TransactionKey = (u32, u64);

/// The state of the thread that sent a request, as far as the capture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaiterState {
    /// It waits, as far as is known.
    #[default]
    Waiting,
    /// It no longer waits: its ioctl ended, or it sent another request. Either
    /// a reply came that was not captured, or the driver gave up for a reason
    /// that was not captured.
    Resumed,
    /// A signal ended the wait: the ioctl returned one of [`INTERRUPTED`].
    Interrupted {
        /// Number of the packet that records the end of the ioctl.
        packet: u64,
        /// Its time in nanoseconds since 1970.
        time: u64,
    },
}

/// A request that the host did not answer. Requests whose reply may have been
/// lost, or whose ioctl or process has ended, are not among these.
#[derive(Debug, Clone, Copy)]
pub struct UnansweredRequest {
    /// The request.
    pub request: WaitingRequest,
    /// Time without a reply in nanoseconds, up to the end of the capture or to
    /// the signal that ended the wait.
    pub waited: u64,
    /// Number of the packet that records that a signal ended the wait; `None`
    /// if the thread still waits.
    pub interrupted: Option<u64>,
}

/// A reply that came shortly before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecentReply {
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The process that had asked, as the host numbers it.
    pub process: u32,
}

/// A request that has no reply yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitingRequest {
    /// The packet's number.
    pub number: u64,
    /// The time of sending, in nanoseconds since 1970.
    pub time: u64,
    /// What the decoder needs to locate the reply.
    pub pending: PendingRequest,
    /// The record header of the request.
    pub header: RecordHeader,
    /// The handle of the process in the message's header, or 0.
    pub process: u32,
    /// LUID of the virtual GPU in the extended header, or 0.
    pub vgpu_luid: u64,
    /// The state of the thread that sent the request.
    pub waiter: WaiterState,
    /// What the reply's effects on objects depend on.
    pub(super) context: RequestContext,
}

impl WaitingRequest {
    /// Overwrites `self` with the request in `packet`. Filling it in place
    /// avoids a copy of a large value right after it was written.
    fn fill(&mut self, packet: &Packet<'_>, decoded: &Decoded<'_>, context: RequestContext) {
        self.number = packet.number;
        self.time = packet.time;
        self.pending.remember(decoded);
        self.header = *packet.header;
        self.process = decoded.frame.map_or(0, |frame| frame.process);
        let extended = decoded.frame.and_then(|frame| frame.extended);
        self.vgpu_luid = extended.map_or(0, |extended| extended.vgpu_luid);
        self.waiter = WaiterState::Waiting;
        self.context = context;
    }

    /// Time from the request to its reply, in nanoseconds.
    pub fn latency(&self, reply: &Packet<'_>) -> u64 {
        reply.time.saturating_sub(self.time)
    }

    /// The message's name, or "unknown".
    pub fn name(&self) -> &'static str {
        self.pending
            .message
            .map_or("unknown", |message| message.name)
    }
}

/// Whether the record of an ioctl's end shows that a signal ended it.
pub(super) fn is_interrupted(header: &RecordHeader) -> bool {
    header.known.has(KnownFields::IOCTL_RESULT) && INTERRUPTED.contains(&header.ioctl_result)
}

/// Why a reply answers no outstanding request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayReply {
    /// It is a second reply to the request in this packet.
    Duplicate(u64),
    /// Its transaction id is 0, which messages without a reply use.
    Unwanted,
    /// Its request was sent before the capture.
    BeforeCapture,
    /// Its request may be among lost packets.
    InGap,
    /// Its transaction id was never used on the channel.
    Orphan,
}

/// The outstanding requests, by channel and transaction id.
#[derive(Debug, Clone, Default)]
pub struct Pairing {
    /// The index of each outstanding request in `requests`.
    waiting: FxHashMap<TransactionKey, u32>,
    requests: Vec<WaitingRequest>,
    /// Unused indices of `requests`.
    free_places: Vec<u32>,
    /// The request that the latest packet answers.
    last_answered: Option<u32>,
    channels: FxHashMap<u32, TransactionIds>,
    threads: FxHashMap<u32, TransactionKey>,
    /// The packet that ended each process, by process handle.
    ended_processes: FxHashMap<u32, u64>,
    /// The channels that the host has rescinded.
    rescinded: FxHashSet<u32>,
    /// Number of the latest packet that reports or proves a loss of packets.
    last_loss: u64,
    /// Whether a message was sent that wants no reply.
    sent_async: bool,
}

/// The transaction ids seen on a channel. The driver counts them up from 1.
#[derive(Debug, Clone)]
struct TransactionIds {
    /// The first id in the capture.
    first: u64,
    /// The highest id so far.
    last: u64,
    /// The highest id before the last loss of packets, while ids after it may
    /// be missing.
    before_gap: Option<u64>,
    /// The latest answered ids, each with the packet number of its request.
    answered: Box<[(u64, u64)]>,
    /// The latest replies, of which the next replaces the oldest.
    recent: Box<[RecentReply; RECENT_REPLIES]>,
    next_recent: usize,
}

impl TransactionIds {
    fn new(first: u64) -> Self {
        Self {
            first,
            last: first,
            before_gap: None,
            answered: vec![(0, 0); ANSWERED_MAX].into_boxed_slice(),
            recent: Box::new([RecentReply::default(); RECENT_REPLIES]),
            next_recent: 0,
        }
    }

    fn remember_reply(&mut self, reply: RecentReply) {
        let next = self.next_recent % RECENT_REPLIES;
        if let Some(place) = self.recent.get_mut(next) {
            *place = reply;
        }
        self.next_recent = next + 1;
    }

    /// The slot in which `id` is kept when it is answered.
    fn answered_slot(&mut self, id: u64) -> Option<&mut (u64, u64)> {
        self.answered.get_mut(id as usize % ANSWERED_MAX)
    }

    /// The packet number of the request with `id`, if it was answered.
    fn answered(&self, id: u64) -> Option<u64> {
        let (answered, number) = self.answered.get(id as usize % ANSWERED_MAX)?;
        (*answered == id).then_some(*number)
    }
}

impl Pairing {
    /// Whether the request with `header` is the first one on a reopened
    /// channel. Ids start at 1 each time a channel is opened.
    pub fn is_restart(&self, header: &RecordHeader) -> bool {
        header.transaction == 1
            && header.packet_flags & FLAG_COMPLETION_REQUESTED != 0
            && self.channels.contains_key(&header.channel)
    }

    /// Drops the outstanding requests of a channel that was closed and
    /// reopened, and returns their packet numbers. The host never answers them.
    #[cold]
    pub fn on_channel_reopened(&mut self, channel: u32) -> Vec<u64> {
        self.channels.remove(&channel);
        self.rescinded.remove(&channel);
        let gone = self.waiting.extract_if(|key, _| key.0 == channel);
        let places: Vec<u32> = gone.map(|(_, place)| place).collect();
        self.free_places.extend(&places);
        let requests = places
            .into_iter()
            .filter_map(|place| self.request_at(place));
        requests.map(|request| request.number).collect()
    }

    /// Records that the host has rescinded a channel: it owes no reply there,
    /// but what it had written before may still be read.
    pub fn on_rescind(&mut self, channel: u32) {
        if self.rescinded.len() < CHANNELS_MAX {
            self.rescinded.insert(channel);
        }
    }

    /// Whether requests were sent on a channel since it was opened.
    pub fn is_in_use(&self, channel: u32) -> bool {
        self.channels.contains_key(&channel)
    }

    /// Whether the id of the request with `header` skips ids, as in a capture
    /// of a single process.
    pub fn has_gap(&self, header: &RecordHeader) -> bool {
        header.packet_flags & FLAG_COMPLETION_REQUESTED != 0
            && self.channels.get(&header.channel).is_some_and(|ids| {
                header.transaction > ids.last.saturating_add(TRANSACTION_STEP_MAX)
            })
    }

    /// Records a request. Returns the older request if one with the same id is
    /// outstanding: their replies cannot be told apart.
    pub(super) fn on_request(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        context: RequestContext,
    ) -> Option<WaitingRequest> {
        let header = packet.header;
        if header.packet_flags & FLAG_COMPLETION_REQUESTED == 0 {
            self.sent_async = true;
            return None;
        }
        let id = header.transaction;
        if self.channels.len() >= CHANNELS_MAX && !self.channels.contains_key(&header.channel) {
            self.channels.clear();
        }
        let ids = self
            .channels
            .entry(header.channel)
            .or_insert_with(|| TransactionIds::new(id));
        ids.last = ids.last.max(id);
        if ids
            .before_gap
            .is_some_and(|before| before.saturating_add(1) >= id)
        {
            // The ids continue without a gap: no request of this channel was
            // lost.
            ids.before_gap = None;
        }
        if ids.answered(id).is_some()
            && let Some(place) = ids.answered_slot(id)
        {
            *place = (0, 0);
        }
        let key = (header.channel, id);
        if self.waiting.len() >= WAITING_MAX {
            self.forget_older_half();
        }
        self.track_thread(header, key);
        let place = self.free_places.pop().unwrap_or_else(|| {
            self.requests.push(WaitingRequest::default());
            // The length is at most WAITING_MAX + 1: the answered request also
            // has a place.
            self.requests.len() as u32 - 1
        });
        if let Some(request) = self.requests.get_mut(place as usize) {
            request.fill(packet, decoded, context);
        }
        let before = self.waiting.insert(key, place)?;
        self.free_places.push(before);
        self.request_at(before).copied()
    }

    fn request_at(&self, place: u32) -> Option<&WaitingRequest> {
        self.requests.get(place as usize)
    }

    fn waiting_mut(&mut self, key: &TransactionKey) -> Option<&mut WaitingRequest> {
        self.requests.get_mut(*self.waiting.get(key)? as usize)
    }

    /// Records `key` as the latest request of its thread. A thread waits for
    /// one reply at a time, so it no longer waits for the previous one.
    fn track_thread(&mut self, header: &RecordHeader, key: TransactionKey) {
        if !header.known.has(KnownFields::TASK) {
            return;
        }
        if self.threads.len() >= THREADS_MAX {
            self.threads.clear();
        }
        if let Some(before) = self.threads.insert(header.tid, key)
            && before != key
            && let Some(request) = self.waiting_mut(&before)
            && request.header.tid == header.tid
            && request.waiter == WaiterState::Waiting
        {
            request.waiter = WaiterState::Resumed;
        }
    }

    /// Records that a thread's ioctl ended. Returns true if that proves that a
    /// reply came which was not captured.
    pub(super) fn on_ioctl_end(&mut self, packet: &Packet<'_>) -> bool {
        let header = packet.header;
        let interrupted = is_interrupted(header);
        if let Some(before) = self.threads.remove(&header.tid)
            && let Some(request) = self.waiting_mut(&before)
            && request.header.tid == header.tid
        {
            request.waiter = match interrupted {
                true => WaiterState::Interrupted {
                    packet: packet.number,
                    time: packet.time,
                },
                false => WaiterState::Resumed,
            };
            // If the driver's send or wait failed, there was no reply.
            let failed = header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0;
            return !interrupted && !failed && header.known.has(KnownFields::IOCTL_RESULT);
        }
        false
    }

    /// Records that packet `number` ended `process`: none of its threads waits
    /// any more.
    pub(super) fn on_process_end(&mut self, process: u32, number: u64) {
        if self.ended_processes.len() >= ENDED_PROCESSES_MAX {
            self.ended_processes.clear();
        }
        self.ended_processes.insert(process, number);
    }

    /// The requests that the host did not answer, oldest first. `now` is the
    /// time of the latest packet, in nanoseconds since 1970.
    pub fn unanswered_requests(&self, now: u64) -> Vec<UnansweredRequest> {
        let waiting = self.waiting_requests().into_iter();
        waiting
            .filter_map(|request| {
                let ended = self.ended_processes.get(&request.process);
                let (end, interrupted) = match request.waiter {
                    _ if self.is_lost_since(request.number) => return None,
                    _ if self.rescinded.contains(&request.header.channel) => return None,
                    WaiterState::Resumed => return None,
                    WaiterState::Interrupted { packet, time } => (time, Some(packet)),
                    WaiterState::Waiting if ended.is_some_and(|ended| *ended > request.number) => {
                        return None;
                    }
                    WaiterState::Waiting => (now, None),
                };
                Some(UnansweredRequest {
                    request,
                    waited: end.saturating_sub(request.time),
                    interrupted,
                })
            })
            .collect()
    }

    /// Releases the request that the previous packet answered.
    pub fn clear_last(&mut self) {
        if let Some(place) = self.last_answered.take() {
            self.free_places.push(place);
        }
    }

    /// The request that the latest packet answers.
    pub fn answered_request(&self) -> Option<&WaitingRequest> {
        self.request_at(self.last_answered?)
    }

    /// Pairs a reply with its request, which [`Pairing::answered_request`] then
    /// returns.
    #[inline]
    pub fn on_reply(&mut self, packet: &Packet<'_>) -> Result<(), StrayReply> {
        let header = packet.header;
        let key = (header.channel, header.transaction);
        self.last_answered = self.waiting.remove(&key);
        let Some(request) = self.answered_request() else {
            return Err(self.classify_stray(header));
        };
        let answered = (header.transaction, request.number);
        let reply = RecentReply {
            time: packet.time,
            process: request.process,
        };
        if let Some(ids) = self.channels.get_mut(&header.channel) {
            ids.remember_reply(reply);
            if let Some(place) = ids.answered_slot(header.transaction) {
                *place = answered;
            }
        }
        Ok(())
    }

    /// The latest replies on a channel.
    pub(super) fn recent_replies(&self, channel: u32) -> impl Iterator<Item = RecentReply> {
        let ids = self.channels.get(&channel).into_iter();
        let replies = ids.flat_map(|ids| ids.recent.iter().copied());
        replies.filter(|reply| reply.time != 0)
    }

    /// Finds out why a reply has no outstanding request.
    #[cold]
    fn classify_stray(&self, header: &RecordHeader) -> StrayReply {
        if header.transaction == 0 {
            // Ids count from 1. Without a message that wants no reply, it
            // answers nothing.
            return match self.sent_async {
                true => StrayReply::Unwanted,
                false => StrayReply::Orphan,
            };
        }
        let ids = self.channels.get(&header.channel);
        let gap = ids.is_some_and(|ids| ids.before_gap.is_some());
        match ids.and_then(|ids| ids.answered(header.transaction)) {
            Some(number) if !gap || number > self.last_loss => {
                return StrayReply::Duplicate(number);
            }
            // The channel may have been reopened among the lost packets.
            Some(_) => return StrayReply::InGap,
            None => {}
        }
        match ids {
            None if header.known.has(KnownFields::REQUESTER) => StrayReply::InGap,
            None => StrayReply::BeforeCapture,
            Some(ids) if header.transaction < ids.first => StrayReply::BeforeCapture,
            Some(_) if gap => StrayReply::InGap,
            Some(_) => StrayReply::Orphan,
        }
    }

    /// Records that packets are missing before packet `number`.
    pub fn on_packet_loss(&mut self, number: u64) {
        self.last_loss = number;
        for ids in self.channels.values_mut() {
            ids.before_gap.get_or_insert(ids.last);
        }
    }

    /// Whether packets were lost after packet `number`, the reply to a request
    /// in it possibly among them.
    pub fn is_lost_since(&self, number: u64) -> bool {
        number < self.last_loss
    }

    /// Every request without a captured reply, oldest first.
    pub fn waiting_requests(&self) -> Vec<WaitingRequest> {
        let places = self.waiting.values();
        let mut waiting: Vec<_> = places
            .filter_map(|place| self.request_at(*place).copied())
            .collect();
        waiting.sort_by_key(|request| request.number);
        waiting
    }

    /// Forgets the older half of the outstanding requests. Halving keeps the
    /// cost for each request constant on average.
    #[cold]
    fn forget_older_half(&mut self) {
        let numbers = self
            .waiting
            .values()
            .filter_map(|place| self.request_at(*place));
        let mut numbers: Vec<u64> = numbers.map(|request| request.number).collect();
        numbers.sort_unstable();
        let Some(middle) = numbers.get(numbers.len() / 2) else {
            return;
        };
        let requests = &self.requests;
        let is_older = |place: u32| {
            let request = requests.get(place as usize);
            request.is_some_and(|request| request.number < *middle)
        };
        let gone = self.waiting.extract_if(|_, place| is_older(*place));
        self.free_places.extend(gone.map(|(_, place)| place));
    }
}
