//! Requests and replies, joined by channel and transaction id.

use rustc_hash::FxHashMap;

use super::lifetimes::RequestContext;
use dxgtrace_protocol::decode::{Decoded, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, TRANSACTION_STEP_MAX};

/// Requests remembered at most; beyond that, the older half is forgotten. A guest
/// has at most one outstanding request a thread, so this is far above what
/// happens.
const WAITING_MAX: usize = 1 << 16;
/// Answered ids remembered on each channel, to tell a second answer from a
/// stray one. A power of two: each id has its place.
const ANSWERED: usize = 1 << 9;
/// Channels followed at most. A guest has one and one for each virtual GPU.
const CHANNELS_MAX: usize = 1 << 8;
/// Threads remembered at most, to tell when one no longer waits.
const THREADS_MAX: usize = 1 << 14;

/// Processes remembered after their end at most.
const ENDED_MAX: usize = 1 << 14;
/// What an ioctl returns whose wait a signal has ended: EINTR, or a number that
/// is internal to the kernel.
pub const INTERRUPTED: [i32; 6] = [-4, -512, -513, -514, -515, -516];

/// Channel number and transaction id.
type TransactionKey = (u32, u64);

/// What became of the thread that waits for a reply, as far as the capture
/// shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waiter {
    /// Nothing shows that it no longer waits.
    #[default]
    Waits,
    /// It went on: its ioctl ended, or it sent something else. A reply came, or
    /// the driver gave up for a reason that is not in the capture.
    WentOn,
    /// A signal ended the wait: its ioctl returned -512 or a like errno.
    Interrupted {
        /// The packet that says so.
        packet: u64,
        /// Its time in nanoseconds since 1970.
        time: u64,
    },
}

/// A request without a reply in the capture, of which nothing shows that the
/// reply came: neither a loss of packets, nor the end of its ioctl or process.
#[derive(Debug, Clone, Copy)]
pub struct UnansweredRequest {
    /// The request.
    pub request: WaitingRequest,
    /// Nanoseconds without a reply: until the end of the capture, or until a
    /// signal ended the wait.
    pub waited: u64,
    /// The packet that shows that a signal ended the wait.
    pub interrupted: Option<u64>,
}

/// A request that has no reply yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitingRequest {
    /// The packet's number.
    pub number: u64,
    /// When it was sent, in nanoseconds since 1970.
    pub time: u64,
    /// The means to read the reply.
    pub pending: PendingRequest,
    /// What the recorder knew of the request.
    pub header: RecordHeader,
    /// The process as the host numbers it.
    pub process: u32,
    /// The virtual GPU that the extended header names, or 0.
    pub vgpu_luid: u64,
    /// What became of the thread that waits.
    pub waiter: Waiter,
    /// What the reply will do to objects.
    pub(super) memo: RequestContext,
}

impl WaitingRequest {
    /// Becomes the request in a packet. It is written where it stays: it is
    /// large, and slow to move when just written.
    fn fill(&mut self, packet: &Packet<'_>, decoded: &Decoded<'_>, memo: RequestContext) {
        self.number = packet.number;
        self.time = packet.time;
        self.pending.remember(decoded);
        self.header = *packet.header;
        self.process = decoded.frame.map_or(0, |frame| frame.process);
        let extended = decoded.frame.and_then(|frame| frame.extended);
        self.vgpu_luid = extended.map_or(0, |extended| extended.vgpu_luid);
        self.waiter = Waiter::Waits;
        self.memo = memo;
    }

    /// Time from the request to its reply, in nanoseconds.
    pub fn latency(&self, reply: &Packet<'_>) -> u64 {
        reply.time.saturating_sub(self.time)
    }

    /// The message's name, or what stands for one.
    pub fn name(&self) -> &'static str {
        self.pending
            .message
            .map_or("unknown", |message| message.name)
    }
}

/// Whether an ioctl's record says that a signal ended it.
pub(super) fn is_interrupted(header: &RecordHeader) -> bool {
    header.known.has(KnownFields::IOCTL_RESULT) && INTERRUPTED.contains(&header.ioctl_result)
}

/// A reply that answers no request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayReply {
    /// A second reply to the request of that packet number.
    Again(u64),
    /// A reply to a message that wants none.
    Unwanted,
    /// A reply to a request from before the capture.
    BeforeCapture,
    /// A reply whose request may be among lost packets.
    InGap,
    /// A reply to nothing.
    Orphan,
}

/// The requests that wait, by channel and transaction id.
#[derive(Debug, Clone, Default)]
pub struct Pairing {
    /// Where each request is kept: it stays there until its reply was looked at.
    waiting: FxHashMap<TransactionKey, u32>,
    requests: Vec<WaitingRequest>,
    /// Places in use no more.
    free: Vec<u32>,
    /// The request that the latest packet answers.
    answered: Option<u32>,
    channels: FxHashMap<u32, TransactionIds>,
    threads: FxHashMap<u32, TransactionKey>,
    /// By process, the packet that ended it.
    ended: FxHashMap<u32, u64>,
    /// Number of the latest record that tells of a loss, or proves one.
    lost_at: u64,
}

/// The transaction ids seen on a channel. They count up from 1.
#[derive(Debug, Clone)]
struct TransactionIds {
    /// The first one in the capture.
    first: u64,
    /// The latest one.
    last: u64,
    /// The latest one before the last loss of packets.
    before_gap: Option<u64>,
    /// The latest answered ids, with the numbers of their requests.
    answered: Box<[(u64, u64)]>,
}

impl TransactionIds {
    fn new(first: u64) -> Self {
        Self {
            first,
            last: first,
            before_gap: None,
            answered: vec![(0, 0); ANSWERED].into_boxed_slice(),
        }
    }

    /// The place of an id among the answered ones.
    fn place(&mut self, id: u64) -> Option<&mut (u64, u64)> {
        self.answered.get_mut(id as usize % ANSWERED)
    }

    /// The number of the request with that id, if it was answered.
    fn answered(&self, id: u64) -> Option<u64> {
        let (answered, number) = self.answered.get(id as usize % ANSWERED)?;
        (*answered == id).then_some(*number)
    }
}

impl Pairing {
    /// Whether a request is the first on a channel that was in use before:
    /// ids count from 1 while a channel is open.
    pub fn begins_anew(&self, header: &RecordHeader) -> bool {
        header.transaction == 1
            && header.packet_flags & FLAG_COMPLETION_REQUESTED != 0
            && self.channels.contains_key(&header.channel)
    }

    /// The channel was closed and opened anew: what waits there is never
    /// answered. Gives the numbers of those requests.
    #[cold]
    pub fn restart(&mut self, channel: u32) -> Vec<u64> {
        self.channels.remove(&channel);
        let gone = self.waiting.extract_if(|key, _| key.0 == channel);
        let places: Vec<u32> = gone.map(|(_, place)| place).collect();
        self.free.extend(&places);
        let requests = places.into_iter().filter_map(|place| self.at(place));
        requests.map(|request| request.number).collect()
    }

    /// Whether a request's id shows that packets of others are not in the
    /// capture.
    pub fn skips(&self, header: &RecordHeader) -> bool {
        header.packet_flags & FLAG_COMPLETION_REQUESTED != 0
            && self.channels.get(&header.channel).is_some_and(|ids| {
                header.transaction > ids.last.saturating_add(TRANSACTION_STEP_MAX)
            })
    }

    /// Takes a request. If its id is still waited for, that older request is
    /// given back: its reply can no longer be told.
    pub(super) fn ask(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        memo: RequestContext,
    ) -> Option<WaitingRequest> {
        let header = packet.header;
        if header.packet_flags & FLAG_COMPLETION_REQUESTED == 0 {
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
            // The count goes on where it was: nothing of this channel was lost.
            ids.before_gap = None;
        }
        if ids.answered(id).is_some()
            && let Some(place) = ids.place(id)
        {
            *place = (0, 0);
        }
        let key = (header.channel, id);
        if self.waiting.len() >= WAITING_MAX {
            self.forget();
        }
        self.wait(header, key);
        let place = self.free.pop().unwrap_or_else(|| {
            self.requests.push(WaitingRequest::default());
            // At most WAITING_MAX, and the one that was answered.
            self.requests.len() as u32 - 1
        });
        if let Some(request) = self.requests.get_mut(place as usize) {
            request.fill(packet, decoded, memo);
        }
        let before = self.waiting.insert(key, place)?;
        self.free.push(before);
        self.at(before).copied()
    }

    fn at(&self, place: u32) -> Option<&WaitingRequest> {
        self.requests.get(place as usize)
    }

    fn waiting_mut(&mut self, key: &TransactionKey) -> Option<&mut WaitingRequest> {
        self.requests.get_mut(*self.waiting.get(key)? as usize)
    }

    /// A thread waits for one answer at a time. If it asks again, it no longer
    /// waits for the one before.
    fn wait(&mut self, header: &RecordHeader, key: TransactionKey) {
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
            && request.waiter == Waiter::Waits
        {
            request.waiter = Waiter::WentOn;
        }
    }

    /// The thread has left the driver: it no longer waits. True if that proves
    /// that a reply came which is not in the capture.
    pub(super) fn left(&mut self, packet: &Packet<'_>) -> bool {
        let header = packet.header;
        let interrupted = is_interrupted(header);
        if let Some(before) = self.threads.remove(&header.tid)
            && let Some(request) = self.waiting_mut(&before)
            && request.header.tid == header.tid
        {
            request.waiter = match interrupted {
                true => Waiter::Interrupted {
                    packet: packet.number,
                    time: packet.time,
                },
                false => Waiter::WentOn,
            };
            // A send or wait that failed in the driver needs no reply.
            let failed = header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0;
            return !interrupted && !failed && header.known.has(KnownFields::IOCTL_RESULT);
        }
        false
    }

    /// A process has ended: none of its requests is waited for any more.
    pub(super) fn process_ended(&mut self, process: u32, number: u64) {
        if self.ended.len() >= ENDED_MAX {
            self.ended.clear();
        }
        self.ended.insert(process, number);
    }

    /// The requests that wait for a reply which nothing shows to have come,
    /// oldest first. `now` is the time of the latest packet.
    pub fn unanswered(&self, now: u64) -> Vec<UnansweredRequest> {
        let waiting = self.waiting().into_iter();
        waiting
            .filter_map(|request| {
                let ended = self.ended.get(&request.process);
                let (end, interrupted) = match request.waiter {
                    _ if self.is_lost_since(request.number) => return None,
                    Waiter::WentOn => return None,
                    Waiter::Interrupted { packet, time } => (time, Some(packet)),
                    Waiter::Waits if ended.is_some_and(|ended| *ended > request.number) => {
                        return None;
                    }
                    Waiter::Waits => (now, None),
                };
                Some(UnansweredRequest {
                    request,
                    waited: end.saturating_sub(request.time),
                    interrupted,
                })
            })
            .collect()
    }

    /// Forgets the request that the latest packet has answered.
    pub fn settle(&mut self) {
        if let Some(place) = self.answered.take() {
            self.free.push(place);
        }
    }

    /// The request that the latest packet answers.
    pub fn answered(&self) -> Option<&WaitingRequest> {
        self.at(self.answered?)
    }

    /// Takes a reply: [`Pairing::answered`] is the request that it answers.
    #[inline]
    pub fn answer(&mut self, packet: &Packet<'_>) -> Result<(), StrayReply> {
        let header = packet.header;
        let key = (header.channel, header.transaction);
        self.answered = self.waiting.remove(&key);
        let Some(request) = self.answered() else {
            return Err(self.stray(header));
        };
        let answered = (header.transaction, request.number);
        let ids = self.channels.get_mut(&header.channel);
        if let Some(place) = ids.and_then(|ids| ids.place(header.transaction)) {
            *place = answered;
        }
        Ok(())
    }

    /// What a reply is that answers no request that waits.
    #[cold]
    fn stray(&self, header: &RecordHeader) -> StrayReply {
        if header.transaction == 0 {
            return StrayReply::Unwanted;
        }
        let ids = self.channels.get(&header.channel);
        let gap = ids.is_some_and(|ids| ids.before_gap.is_some());
        match ids.and_then(|ids| ids.answered(header.transaction)) {
            Some(number) if !gap || number > self.lost_at => return StrayReply::Again(number),
            // The channel may have been opened anew among the lost packets.
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

    /// Packets are missing here.
    pub fn gap(&mut self, number: u64) {
        self.lost_at = number;
        for ids in self.channels.values_mut() {
            ids.before_gap.get_or_insert(ids.last);
        }
    }

    /// Whether packets were lost after a packet: the answer to a request may be
    /// among them.
    pub fn is_lost_since(&self, number: u64) -> bool {
        number < self.lost_at
    }

    /// The requests without a reply in the capture, oldest first.
    pub fn waiting(&self) -> Vec<WaitingRequest> {
        let places = self.waiting.values();
        let mut waiting: Vec<_> = places
            .filter_map(|place| self.at(*place).copied())
            .collect();
        waiting.sort_by_key(|request| request.number);
        waiting
    }

    /// Forgets the older half of what waits: that many are seldom enough.
    #[cold]
    fn forget(&mut self) {
        let numbers = self.waiting.values().filter_map(|place| self.at(*place));
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
        self.free.extend(gone.map(|(_, place)| place));
    }
}
