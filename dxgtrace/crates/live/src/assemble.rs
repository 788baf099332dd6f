//! Turns the probe's records into packets.
//!
//! Records come in the order in which they were written: a send at its entry,
//! its return value later. Packets leave in the same order, so a send whose
//! return is outstanding holds back what follows it. That takes microseconds;
//! where a return is missing, the send leaves without it after [`PATIENCE`].

use std::collections::{HashMap, VecDeque};

use dxgtrace_ebpf::record::{
    self, CHANNEL_GLOBAL, CHANNEL_VGPU, END_SYNC, END_UNSEEN, KIND_SEND, VIEW_EXPECTED, VIEW_IOCTL,
};

use super::{
    Delivery,
    clock::MonotonicClock,
    refusals::{Refusals, SendAttempt},
    transactions::ChannelTransactions,
};
use crate::bounded::Bounded;
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, IoctlEnd, KnownFields, LostPackets, RecordHeader, RecordKind,
};

/// How long a send of the driver is held for its return value, in nanoseconds.
pub(super) const PATIENCE: u64 = 250_000_000;
/// The same for a stand-in, which the scheduler can stop between the two.
pub(super) const STAND_IN_PATIENCE: u64 = 3_000_000_000;
/// At most so many packets are held back.
const HELD_LIMIT: usize = 65_536;
/// At most so many payload bytes are held back.
const HELD_BYTES_LIMIT: usize = 64 << 20;
/// At most so many requests wait for the name of their task to be asked for.
const REQUESTS_LIMIT: usize = 65_536;
/// At most so many tasks are followed through their ioctls, each with so many
/// requests that wait: it waits for one at a time.
const TASKS_LIMIT: usize = 16_384;
const WAITING_LIMIT: usize = 16;
/// What the driver itself tells of a synchronous request within an ioctl.
const VIEW: u16 = KnownFields::EXPECTED_REPLY | KnownFields::IOCTL;
/// Payload buffers that are kept for later packets, up to this size each.
const SPARE_LIMIT: usize = 64;
const SPARE_BYTES_LIMIT: usize = 4096;

/// VMBus packet type of a completion.
const COMPLETION: u16 = 11;
/// VMBus packet flag that asks for one.
const COMPLETION_REQUESTED: u16 = 1;
const EAGAIN: i32 = -11;

/// A packet in the making.
#[derive(Debug)]
pub(super) struct PendingPacket {
    pub(super) header: RecordHeader,
    /// `CLOCK_MONOTONIC`.
    pub(super) time: u64,
    pub(super) interface: u32,
    pub(super) payload: Vec<u8>,
    /// Address of the channel: with the transaction id it names a request.
    channel: u64,
    task: u64,
    sending: bool,
}

/// Who sent a request, and what for.
#[derive(Debug, Clone, Copy)]
struct Requester {
    pid: u32,
    tid: u32,
    comm: [u8; 16],
    task: u64,
    interface: u32,
    known: u16,
    ioctl: u32,
    expected: u32,
    /// Packets lost before it was sent, but by missed probes.
    lost: u64,
}

/// The state between records and packets; all of it is bounded.
pub(super) struct Assembler {
    clock: MonotonicClock,
    /// Completions of requests that were not captured are dropped.
    filtered: bool,
    /// [`PATIENCE`] or [`STAND_IN_PATIENCE`].
    patience: u64,
    channels: Vec<Channel>,
    /// By interface.
    transactions: Vec<ChannelTransactions>,
    /// In the order of the records; the first may wait for its return value.
    held: VecDeque<PendingPacket>,
    /// Number of the first in `held`, counted over the whole capture.
    first: u64,
    held_bytes: usize,
    /// By task, the number of its send in progress.
    sending: HashMap<u64, u64>,
    refusals: Refusals,
    requesters: Bounded<(u64, u64), Requester>,
    /// By task, its synchronous requests of the current ioctl that wait.
    unanswered: HashMap<u64, Vec<(u64, u64)>>,
    /// Which interface stands for the driver itself.
    driver: Option<u32>,
    /// Complete and in order.
    ready: VecDeque<PendingPacket>,
    /// The one being looked at by the caller.
    current: Option<PendingPacket>,
    spare: Vec<Vec<u8>>,
    /// The kernel's counts as far as they were reported.
    lost_seen: [u32; 2],
    lost_total: LostPackets,
    number: u64,
}

impl Assembler {
    pub(super) fn new(clock: MonotonicClock, filtered: bool, patience: u64) -> Self {
        Self {
            clock,
            filtered,
            patience,
            channels: Vec::new(),
            transactions: Vec::new(),
            held: VecDeque::new(),
            first: 0,
            held_bytes: 0,
            sending: HashMap::new(),
            refusals: Refusals::default(),
            requesters: Bounded::new(REQUESTS_LIMIT),
            unanswered: HashMap::new(),
            driver: None,
            ready: VecDeque::new(),
            current: None,
            spare: Vec::new(),
            lost_seen: [0; 2],
            lost_total: LostPackets::default(),
            number: 0,
        }
    }

    pub(super) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    pub(super) fn lost_total(&self) -> LostPackets {
        self.lost_total
    }

    /// Whether [`Assembler::next`] has something.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next packet in order.
    pub(super) fn next(&mut self) -> Option<Delivery<'_>> {
        if let Some(done) = self.current.take() {
            self.recycle(done.payload);
        }
        let item = self.ready.pop_front()?;
        self.number += 1;
        let item = self.current.insert(item);
        Some(Delivery {
            packet: Packet {
                number: self.number,
                time: self.clock.wall(item.time),
                interface: item.interface,
                header: &item.header,
                payload: &item.payload,
            },
            channels: &self.channels,
        })
    }

    /// Takes a packet of the probe.
    pub(super) fn packet(&mut self, packet: &record::Packet, payload: &[u8]) {
        let interface = self.interface(packet);
        let lost = [packet.lost_ring_full, packet.lost_unreadable];
        self.kernel_lost(lost, interface, packet.time);
        let sending = packet.kind == KIND_SEND;
        if sending && let Some(&number) = self.sending.get(&packet.task) {
            // A thread sends one packet at a time: that return was missed.
            self.resolve(number, None);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(payload);
        if sending {
            self.sending
                .insert(packet.task, self.first + self.held.len() as u64);
        }
        self.hold(PendingPacket {
            header: header(packet),
            time: packet.time,
            interface,
            payload: bytes,
            channel: packet.channel,
            task: packet.task,
            sending,
        });
        self.release(packet.time);
    }

    /// Takes the end of a send.
    pub(super) fn send_return(&mut self, end: &record::SendReturn) {
        let Some(&number) = self.sending.get(&end.task) else {
            return;
        };
        if self.held(number).is_some_and(|item| item.time == end.entry) {
            self.resolve(number, Some(end.value));
            self.release(end.time);
        }
    }

    /// Takes the end of an ioctl.
    pub(super) fn ioctl_end(&mut self, end: &record::IoctlEnd) {
        let interface = self.driver_interface();
        let lost = [end.lost_ring_full, end.lost_unreadable];
        self.kernel_lost(lost, interface, end.time);
        let payload = IoctlEnd {
            duration: end.time.saturating_sub(end.entry),
            messages: end.messages.into(),
        };
        let mut known = KnownFields::TASK | KnownFields::IOCTL;
        if end.flags & END_UNSEEN == 0 {
            known |= KnownFields::IOCTL_RESULT;
        }
        if end.flags & END_SYNC != 0 {
            known |= KnownFields::RETURN_VALUE;
        }
        let header = RecordHeader {
            kind: RecordKind::Ioctl,
            direction: Direction::HostToGuest,
            known: KnownFields(known),
            pid: (end.task >> 32) as u32,
            tid: end.task as u32,
            comm: record::bytes(end.comm),
            return_value: end.failed,
            ioctl: end.request,
            ioctl_result: end.result,
            cpu: end.cpu,
            payload_length: IoctlEnd::LENGTH as u32,
            ..RecordHeader::EMPTY
        };
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(&payload.encode());
        self.hold(PendingPacket {
            header,
            time: end.time,
            interface,
            payload: bytes,
            channel: 0,
            task: end.task,
            sending: false,
        });
        self.release(end.time);
    }

    /// The ring is empty and it is now this time: what has waited too long leaves.
    pub(super) fn idle_at(&mut self, now: u64) {
        self.clock.look();
        self.release(now);
    }

    /// The kernel's counts, read when the ring is empty: shows a loss that no
    /// later record tells.
    pub(super) fn lost_in_kernel(&mut self, counts: [u32; 2]) {
        if counts != self.lost_seen {
            let time = super::clock::monotonic();
            let interface = self.last_interface();
            self.kernel_lost(counts, interface, time);
            self.release(time);
        }
    }

    /// Packets that were ready were lost: the record comes before all others.
    pub(super) fn note_lost(&mut self, lost: LostPackets) {
        let time = match self.ready.front().or(self.held.front()) {
            Some(next) => next.time,
            None => super::clock::monotonic(),
        };
        if lost.total() > 0 {
            let interface = self.last_interface();
            let item = self.lost_item(lost, interface, time);
            self.ready.push_front(item);
        }
    }

    /// Unix time of a monotonic time stamp.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        self.clock.wall(monotonic)
    }

    /// Nothing follows: everything leaves as it is.
    pub(super) fn finish(&mut self) {
        self.sending.clear();
        for item in &mut self.held {
            item.sending = false;
        }
        self.release(0);
        let rest = self.refusals.take_all();
        self.ready.extend(rest);
    }

    /// What the probe did not see becomes known at the end of an ioctl whose
    /// synchronous sends have all succeeded: their replies have come, and were
    /// written before. Those that are not there were missed.
    fn missed_replies(&mut self, end: &PendingPacket) {
        let Some(waiting) = self.unanswered.remove(&end.task) else {
            return;
        };
        let known = KnownFields::IOCTL_RESULT | KnownFields::RETURN_VALUE;
        if !end.header.known.has(known) || end.header.return_value != 0 {
            return;
        }
        let otherwise = self.lost_otherwise();
        let missed: Vec<Requester> = waiting
            .iter()
            .filter_map(|request| self.requesters.remove(request))
            // What was lost otherwise has been counted.
            .filter(|requester| requester.lost == otherwise)
            .collect();
        if let Some(first) = missed.first() {
            let lost = LostPackets {
                missed_probes: missed.len() as u64,
                ..LostPackets::default()
            };
            let item = self.lost_item(lost, first.interface, end.time);
            self.ready.push_back(item);
        }
    }

    /// An answer belongs to no request: perhaps that one was missed.
    fn missed_request(&mut self, answer: &PendingPacket) {
        let lost = self.lost_otherwise();
        let ids = self.transactions.get_mut(answer.interface as usize);
        if ids.is_some_and(|ids| ids.missed(answer.header.transaction, lost)) {
            let lost = LostPackets {
                missed_probes: 1,
                ..LostPackets::default()
            };
            let item = self.lost_item(lost, answer.interface, answer.time);
            self.ready.push_back(item);
        }
    }

    /// Notes the id of a request.
    fn drawn(&mut self, request: &PendingPacket) {
        let lost = self.lost_otherwise();
        let interface = request.interface as usize;
        if self.transactions.len() <= interface {
            self.transactions
                .resize_with(interface + 1, Default::default);
        }
        if let Some(ids) = self.transactions.get_mut(interface) {
            ids.sent(request.header.transaction, lost);
        }
    }

    /// What is lost for other reasons than missed probes.
    fn lost_otherwise(&self) -> u64 {
        self.lost_total.total() - self.lost_total.missed_probes
    }

    fn held(&mut self, number: u64) -> Option<&mut PendingPacket> {
        let index = number.checked_sub(self.first)?;
        self.held.get_mut(usize::try_from(index).ok()?)
    }

    fn hold(&mut self, item: PendingPacket) {
        self.held_bytes += item.payload.len();
        self.held.push_back(item);
    }

    /// A send in progress has ended, or will not be waited for any more.
    fn resolve(&mut self, number: u64, value: Option<i32>) {
        let Some(item) = self.held(number) else {
            return;
        };
        item.sending = false;
        if let Some(value) = value {
            item.header.return_value = value;
            item.header.known.0 |= KnownFields::RETURN_VALUE;
        }
        let task = item.task;
        self.sending.remove(&task);
    }

    /// Lets go of what is complete, up to the first send in progress.
    fn release(&mut self, now: u64) {
        while let Some(first) = self.held.front() {
            if first.sending {
                let patient = now.saturating_sub(first.time) < self.patience;
                let room = self.held.len() < HELD_LIMIT && self.held_bytes < HELD_BYTES_LIMIT;
                if patient && room {
                    break;
                }
                self.resolve(self.first, None);
            }
            if let Some(item) = self.held.pop_front() {
                self.first += 1;
                self.held_bytes = self.held_bytes.saturating_sub(item.payload.len());
                self.complete(item);
            }
        }
        while let Some(item) = self.refusals.expired(now) {
            self.ready.push_back(item);
        }
    }

    /// A packet whose turn it is.
    fn complete(&mut self, mut item: PendingPacket) {
        match (item.header.kind, item.header.direction) {
            (RecordKind::Packet, Direction::GuestToHost) => self.complete_send(item),
            (RecordKind::Packet, Direction::HostToGuest) => {
                if item.header.packet_type == COMPLETION {
                    let request = (item.channel, item.header.transaction);
                    match self.requesters.remove(&request) {
                        Some(requester) => {
                            attribute(&mut item.header, &requester);
                            if let Some(waiting) = self.unanswered.get_mut(&requester.task) {
                                waiting.retain(|waiting| *waiting != request);
                            }
                        }
                        None if self.filtered => return self.recycle(item.payload),
                        None => self.missed_request(&item),
                    }
                }
                self.ready.push_back(item);
            }
            (RecordKind::Ioctl, _) => {
                // Whoever leaves the driver has given up sending.
                let refused = self.refusals.take(item.task);
                self.ready.extend(refused.map(|(_, refusal)| refusal));
                self.missed_replies(&item);
                self.ready.push_back(item);
            }
            _ => self.ready.push_back(item),
        }
    }

    fn complete_send(&mut self, mut item: PendingPacket) {
        if item.header.packet_flags & COMPLETION_REQUESTED != 0 {
            self.drawn(&item);
        }
        let attempt = SendAttempt {
            channel: item.channel,
            transaction: item.header.transaction,
            length: item.header.payload_length,
        };
        let refused =
            item.header.known.has(KnownFields::RETURN_VALUE) && item.header.return_value != 0;
        if refused && item.header.return_value == EAGAIN {
            item.header.kind = RecordKind::Refused;
            let (given_up, replaced) = self.refusals.add(item.task, attempt, item);
            self.ready.extend(given_up);
            if let Some(replaced) = replaced {
                self.recycle(replaced);
            }
            return;
        }
        match self.refusals.take(item.task) {
            Some((earlier, refusal)) if earlier == attempt => {
                item.header.refused_attempts = refusal.header.refused_attempts + 1;
                self.recycle(refusal.payload);
            }
            Some((_, refusal)) => self.ready.push_back(refusal),
            None => {}
        }
        if refused {
            item.header.kind = RecordKind::Refused;
        } else if item.header.packet_flags & COMPLETION_REQUESTED != 0 {
            let header = &item.header;
            let requester = Requester {
                pid: header.pid,
                tid: header.tid,
                comm: header.comm,
                task: item.task,
                interface: item.interface,
                known: header.known.0 & VIEW,
                ioctl: header.ioctl,
                expected: header.expected_reply_length,
                lost: self.lost_otherwise(),
            };
            let request = (item.channel, header.transaction);
            self.requesters.insert(request, requester);
            if header.known.has(VIEW)
                && (self.unanswered.len() < TASKS_LIMIT || self.unanswered.contains_key(&item.task))
            {
                let waiting = self.unanswered.entry(item.task).or_default();
                waiting.truncate(WAITING_LIMIT - 1);
                waiting.push(request);
            }
        }
        self.ready.push_back(item);
    }

    fn kernel_lost(&mut self, counts: [u32; 2], interface: u32, time: u64) {
        let [ring_full, unreadable] = [0, 1].map(|cause: usize| {
            let more = counts[cause].wrapping_sub(self.lost_seen[cause]);
            // Records of several processors can carry counts slightly out of order.
            if more > u32::MAX / 2 { 0 } else { more }
        });
        self.lost_seen[0] = self.lost_seen[0].wrapping_add(ring_full);
        self.lost_seen[1] = self.lost_seen[1].wrapping_add(unreadable);
        let lost = LostPackets {
            ring_full: ring_full.into(),
            unreadable: unreadable.into(),
            ..LostPackets::default()
        };
        self.lost(lost, interface, time);
    }

    fn lost(&mut self, lost: LostPackets, interface: u32, time: u64) {
        if lost.total() > 0 {
            let item = self.lost_item(lost, interface, time);
            self.hold(item);
        }
    }

    fn lost_item(&mut self, lost: LostPackets, interface: u32, time: u64) -> PendingPacket {
        let total = &mut self.lost_total;
        total.ring_full += lost.ring_full;
        total.missed_probes += lost.missed_probes;
        total.user_queue += lost.user_queue;
        total.unreadable += lost.unreadable;
        let payload = lost.encode().to_vec();
        let channel = self.channels.get(interface as usize);
        let header = RecordHeader {
            kind: RecordKind::Lost,
            direction: Direction::HostToGuest,
            channel_kind: channel.map_or(ChannelKind::Unknown, |channel| channel.kind),
            channel: channel.map_or(0, |channel| channel.relid),
            payload_length: payload.len() as u32,
            ..RecordHeader::EMPTY
        };
        PendingPacket {
            header,
            time,
            interface,
            payload,
            channel: 0,
            task: 0,
            sending: false,
        }
    }

    /// The channel of a packet, as an index.
    fn interface(&mut self, packet: &record::Packet) -> u32 {
        let kind = channel_kind(packet.channel_kind);
        let known = self.channels.iter().position(|channel| {
            channel.relid == packet.relid
                && channel.kind == kind
                && channel.instance == Some(record::bytes(packet.instance))
        });
        let index = known.unwrap_or_else(|| {
            let stem = match kind {
                ChannelKind::Global => "global",
                ChannelKind::Vgpu => "vgpu",
                ChannelKind::Unknown => "channel",
            };
            let same = self
                .channels
                .iter()
                .filter(|channel| channel.kind == kind)
                .count();
            self.channels.push(Channel {
                // There is one global channel, unless it is closed and offered again.
                name: match (kind, same) {
                    (ChannelKind::Global, 0) => stem.into(),
                    _ => format!("{stem}{same}"),
                },
                kind,
                relid: packet.relid,
                instance: Some(record::bytes(packet.instance)),
            });
            self.channels.len() - 1
        });
        index as u32
    }

    /// Where to put what belongs to the driver as a whole.
    fn driver_interface(&mut self) -> u32 {
        if let Some(interface) = self.driver {
            return interface;
        }
        let interface = self.channels.len() as u32;
        self.channels.push(Channel {
            name: "driver".into(),
            kind: ChannelKind::Unknown,
            relid: 0,
            instance: None,
        });
        *self.driver.insert(interface)
    }

    /// Where to put what belongs to no channel. A file needs one, so if there
    /// is none yet, one of unknown kind is made up.
    fn last_interface(&mut self) -> u32 {
        if self.channels.is_empty() {
            self.channels.push(Channel {
                name: "unknown".into(),
                kind: ChannelKind::Unknown,
                relid: 0,
                instance: None,
            });
        }
        let last = self
            .held
            .back()
            .or(self.ready.back())
            .or(self.current.as_ref());
        last.map_or(0, |item| item.interface)
    }

    fn recycle(&mut self, mut payload: Vec<u8>) {
        if self.spare.len() < SPARE_LIMIT && payload.capacity() <= SPARE_BYTES_LIMIT {
            payload.clear();
            self.spare.push(payload);
        }
    }
}

fn channel_kind(kind: u8) -> ChannelKind {
    match kind {
        CHANNEL_GLOBAL => ChannelKind::Global,
        CHANNEL_VGPU => ChannelKind::Vgpu,
        _ => ChannelKind::Unknown,
    }
}

fn header(packet: &record::Packet) -> RecordHeader {
    let common = RecordHeader {
        channel_kind: channel_kind(packet.channel_kind),
        packet_type: packet.packet_type,
        packet_flags: packet.packet_flags,
        channel: packet.relid,
        transaction: packet.transaction,
        cpu: packet.cpu,
        payload_length: packet.length,
        ..RecordHeader::EMPTY
    };
    if packet.kind == KIND_SEND {
        RecordHeader {
            direction: Direction::GuestToHost,
            known: KnownFields(KnownFields::TASK | KnownFields::EXACT_LENGTH | view(packet.view)),
            pid: (packet.task >> 32) as u32,
            tid: packet.task as u32,
            comm: record::bytes(packet.comm),
            ioctl: packet.ioctl,
            expected_reply_length: packet.expected,
            ..common
        }
    } else {
        // The task is whoever the interrupt hit: no one of interest.
        RecordHeader {
            direction: Direction::HostToGuest,
            ..common
        }
    }
}

fn attribute(header: &mut RecordHeader, requester: &Requester) {
    header.known.0 |= KnownFields::TASK | KnownFields::REQUESTER | requester.known;
    header.pid = requester.pid;
    header.tid = requester.tid;
    header.comm = requester.comm;
    header.ioctl = requester.ioctl;
    header.expected_reply_length = requester.expected;
}

/// What is known of the driver's view, as the pseudo-header says it.
fn view(bits: u16) -> u16 {
    let known = |bit, known| if bits & bit != 0 { known } else { 0 };
    known(VIEW_IOCTL, KnownFields::IOCTL) | known(VIEW_EXPECTED, KnownFields::EXPECTED_REPLY)
}

#[cfg(test)]
mod tests;
