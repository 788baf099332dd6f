//! Turns the probe's records into packets.
//!
//! Records come in the order in which they were written: a send at its entry,
//! its return value later. Packets leave in the same order, so a send whose
//! return is outstanding holds back what follows it. That takes microseconds;
//! where a return is missing, the send leaves without it after [`PATIENCE`].
//!
//! ```text
//! record -> draft -> ordering -> refusals, requesters, transactions -> packet
//! ```

mod buffers;
mod channels;
mod draft;
mod loss;
mod ordering;
mod refusals;
mod requesters;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::VecDeque;

use dxgtrace_ebpf::record;

use self::{
    buffers::SpareBuffers,
    channels::ChannelList,
    draft::PacketDraft,
    loss::{LossCounts, missed},
    ordering::SendOrder,
    refusals::{Refusals, SendAttempt},
    requesters::Requesters,
};
use crate::{Delivery, clock::MonotonicClock};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{Direction, KnownFields, LostPackets, RecordKind};
use dxgtrace_protocol::table::errno::EAGAIN;

/// How long a send of the driver is held for its return value, in nanoseconds.
pub(super) const PATIENCE: u64 = 250_000_000;
/// The same for a stand-in, which the scheduler can stop between the two.
pub(super) const STAND_IN_PATIENCE: u64 = 3_000_000_000;

/// The state between records and packets; all of it is bounded.
pub(super) struct Assembler {
    clock: MonotonicClock,
    /// Completions of requests that were not captured are dropped.
    filtered: bool,
    channels: ChannelList,
    order: SendOrder,
    refusals: Refusals,
    requesters: Requesters,
    losses: LossCounts,
    /// Complete and in order.
    ready: VecDeque<PacketDraft>,
    /// The one being looked at by the caller.
    current: Option<PacketDraft>,
    spare: SpareBuffers,
    number: u64,
}

impl Assembler {
    /// `patience` is [`PATIENCE`] or [`STAND_IN_PATIENCE`].
    pub(super) fn new(clock: MonotonicClock, filtered: bool, patience: u64) -> Self {
        Self {
            clock,
            filtered,
            channels: ChannelList::default(),
            order: SendOrder::new(patience),
            refusals: Refusals::default(),
            requesters: Requesters::default(),
            losses: LossCounts::default(),
            ready: VecDeque::new(),
            current: None,
            spare: SpareBuffers::default(),
            number: 0,
        }
    }

    pub(super) fn channels(&self) -> &[Channel] {
        self.channels.all()
    }

    pub(super) fn lost_total(&self) -> LostPackets {
        self.losses.total()
    }

    /// Whether [`Assembler::next`] has something.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next packet in order.
    pub(super) fn next(&mut self) -> Option<Delivery<'_>> {
        if let Some(done) = self.current.take() {
            self.spare.put(done.payload);
        }
        let draft = self.ready.pop_front()?;
        self.number += 1;
        let draft = self.current.insert(draft);
        Some(Delivery {
            packet: Packet {
                number: self.number,
                time: self.clock.wall(draft.time),
                interface: draft.interface,
                header: &draft.header,
                payload: &draft.payload,
            },
            channels: self.channels.all(),
        })
    }

    /// Takes a packet of the probe.
    pub(super) fn packet(&mut self, packet: &record::PacketRecord, payload: &[u8]) {
        let interface = self.channels.interface(packet);
        let lost = [packet.lost_ring_full, packet.lost_unreadable];
        self.kernel_lost(lost, interface, packet.time);
        let mut buffer = self.spare.take();
        buffer.extend_from_slice(payload);
        self.order
            .push(PacketDraft::packet(packet, interface, buffer));
        self.release(packet.time);
    }

    /// Takes the end of a send.
    pub(super) fn send_return(&mut self, end: &record::SendReturn) {
        if self.order.returned(end) {
            self.release(end.time);
        }
    }

    /// Takes the end of an ioctl.
    pub(super) fn ioctl_end(&mut self, end: &record::IoctlEndRecord) {
        let interface = self.channels.driver();
        let lost = [end.lost_ring_full, end.lost_unreadable];
        self.kernel_lost(lost, interface, end.time);
        let buffer = self.spare.take();
        self.order
            .push(PacketDraft::ioctl_end(end, interface, buffer));
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
        if !self.losses.is_reported(counts) {
            let time = crate::clock::monotonic();
            let interface = self.last_interface();
            self.kernel_lost(counts, interface, time);
            self.release(time);
        }
    }

    /// Packets that were ready were lost: the record comes before all others.
    pub(super) fn note_lost(&mut self, lost: LostPackets) {
        let time = match self.ready.front().or(self.order.front()) {
            Some(next) => next.time,
            None => crate::clock::monotonic(),
        };
        if lost.total() > 0 {
            let interface = self.last_interface();
            let record = self.lost_record(lost, interface, time);
            self.ready.push_front(record);
        }
    }

    /// Unix time of a monotonic time stamp.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        self.clock.wall(monotonic)
    }

    /// Nothing follows: everything leaves as it is.
    pub(super) fn finish(&mut self) {
        self.order.stop_waiting();
        self.release(0);
        let rest = self.refusals.take_all();
        self.ready.extend(rest);
    }

    /// Lets go of what is complete, up to the first send in progress.
    fn release(&mut self, now: u64) {
        while let Some(draft) = self.order.next(now) {
            self.complete(draft);
        }
        while let Some(refusal) = self.refusals.expired(now) {
            self.ready.push_back(refusal);
        }
    }

    /// A packet whose turn it is.
    fn complete(&mut self, draft: PacketDraft) {
        match (draft.header.kind, draft.header.direction) {
            (RecordKind::Packet, Direction::GuestToHost) => self.complete_send(draft),
            (RecordKind::Packet, Direction::HostToGuest) => self.complete_receive(draft),
            (RecordKind::Ioctl, _) => self.complete_ioctl(draft),
            _ => self.ready.push_back(draft),
        }
    }

    fn complete_receive(&mut self, mut draft: PacketDraft) {
        if draft.is_reply() && !self.requesters.answered(&mut draft) {
            if self.filtered {
                return self.spare.put(draft.payload);
            }
            if self.losses.is_request_missed(&draft) {
                let record = self.lost_record(missed(1), draft.interface, draft.time);
                self.ready.push_back(record);
            }
        }
        self.ready.push_back(draft);
    }

    fn complete_ioctl(&mut self, end: PacketDraft) {
        // Whoever leaves the driver has given up sending.
        let refused = self.refusals.take(end.task);
        self.ready.extend(refused.map(|(_, refusal)| refusal));
        let lost = self.losses.other_than_missed();
        if let Some(replies) = self.requesters.ioctl_ended(&end, lost) {
            let record = self.lost_record(missed(replies.count), replies.interface, end.time);
            self.ready.push_back(record);
        }
        self.ready.push_back(end);
    }

    fn complete_send(&mut self, mut draft: PacketDraft) {
        if draft.wants_reply() {
            self.losses.request_sent(&draft);
        }
        let attempt = SendAttempt {
            channel: draft.channel,
            transaction: draft.header.transaction,
            length: draft.header.payload_length,
        };
        let refused =
            draft.header.known.has(KnownFields::RETURN_VALUE) && draft.header.return_value != 0;
        if refused && draft.header.return_value == EAGAIN {
            draft.header.kind = RecordKind::Refused;
            let (given_up, replaced) = self.refusals.add(draft.task, attempt, draft);
            self.ready.extend(given_up);
            if let Some(replaced) = replaced {
                self.spare.put(replaced);
            }
            return;
        }
        match self.refusals.take(draft.task) {
            Some((earlier, refusal)) if earlier == attempt => {
                draft.header.refused_attempts = refusal.header.refused_attempts + 1;
                self.spare.put(refusal.payload);
            }
            Some((_, refusal)) => self.ready.push_back(refusal),
            None => {}
        }
        if refused {
            draft.header.kind = RecordKind::Refused;
        } else if draft.wants_reply() {
            let lost = self.losses.other_than_missed();
            self.requesters.sent(&draft, lost);
        }
        self.ready.push_back(draft);
    }

    /// The kernel's counts as a record carries them.
    fn kernel_lost(&mut self, counts: [u32; 2], interface: u32, time: u64) {
        let lost = self.losses.report(counts);
        if lost.total() > 0 {
            let record = self.lost_record(lost, interface, time);
            self.order.push(record);
        }
    }

    fn lost_record(&mut self, lost: LostPackets, interface: u32, time: u64) -> PacketDraft {
        self.losses.add(lost);
        PacketDraft::lost(lost, self.channels.get(interface), interface, time)
    }

    /// Where to put what belongs to no channel.
    fn last_interface(&mut self) -> u32 {
        self.channels.ensure_one();
        let last = self
            .order
            .back()
            .or(self.ready.back())
            .or(self.current.as_ref());
        last.map_or(0, |draft| draft.interface)
    }
}
