//! Turns the probe's records into packets.
//!
//! The probe writes a send at its entry and its return value later. Packets leave in
//! the order of the records, so a send without its return value holds back the
//! packets after it. That takes microseconds; where a return was missed, the send
//! leaves without it after [`SEND_TIMEOUT`].
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

use dxgtrace_doctor::VmbusChannels;
use dxgtrace_ebpf::record;

use self::{
    buffers::SpareBuffers,
    channels::ChannelList,
    draft::PacketDraft,
    loss::{LossCounts, missed_probes},
    ordering::SendOrder,
    refusals::{Refusals, SendAttempt},
    requesters::Requesters,
};
use crate::{Delivery, clock::MonotonicClock};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{Direction, KnownFields, LostPackets, RecordKind};
use dxgtrace_protocol::table::errno::EAGAIN;

/// How long a send of the driver waits for its return value, in nanoseconds.
pub(super) const SEND_TIMEOUT: u64 = 250_000_000;
/// The same for a stand-in, which can be preempted between entry and return.
pub(super) const STAND_IN_SEND_TIMEOUT: u64 = 3_000_000_000;

/// Turns records into packets, within bounded memory.
pub(super) struct Assembler {
    clock: MonotonicClock,
    /// Whether replies to requests that were not captured are dropped.
    filtered: bool,
    channels: ChannelList,
    order: SendOrder,
    refusals: Refusals,
    requesters: Requesters,
    losses: LossCounts,
    /// Complete packets, in order.
    ready: VecDeque<PacketDraft>,
    /// The packet that the caller borrows.
    current: Option<PacketDraft>,
    spare: SpareBuffers,
    number: u64,
}

impl Assembler {
    /// `send_timeout` is [`SEND_TIMEOUT`] or [`STAND_IN_SEND_TIMEOUT`]; `offered`
    /// lists the channels that the host offers.
    pub(super) fn new(
        clock: MonotonicClock,
        filtered: bool,
        send_timeout: u64,
        offered: fn() -> VmbusChannels,
    ) -> Self {
        Self {
            clock,
            filtered,
            channels: ChannelList::new(offered),
            order: SendOrder::new(send_timeout),
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

    /// Whether [`Assembler::next`] returns a packet.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns the next packet.
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

    /// Takes a record of a packet.
    pub(super) fn on_packet(&mut self, packet: &record::PacketRecord, payload: &[u8]) {
        let interface = self.channels.interface_of(packet);
        let lost = [packet.lost_ring_full, packet.lost_unreadable];
        self.report_losses(lost, interface, packet.time);
        let mut buffer = self.spare.take();
        buffer.extend_from_slice(payload);
        self.order
            .push(PacketDraft::packet(packet, interface, buffer));
        self.release(packet.time);
    }

    /// Takes the record of a send's return.
    pub(super) fn on_send_return(&mut self, end: &record::SendReturn) {
        if self.order.on_return(end) {
            self.release(end.time);
        }
    }

    /// Takes the record of an ioctl's end.
    pub(super) fn on_ioctl_end(&mut self, end: &record::IoctlEndRecord) {
        let interface = self.channels.driver_interface();
        let lost = [end.lost_ring_full, end.lost_unreadable];
        self.report_losses(lost, interface, end.time);
        let buffer = self.spare.take();
        self.order
            .push(PacketDraft::ioctl_end(end, interface, buffer));
        self.release(end.time);
    }

    /// Takes the record of what happened to a channel. Records of other devices'
    /// channels are dropped.
    pub(super) fn on_channel_event(&mut self, event: &record::ChannelRecord) {
        let Some(interface) = self.channels.interface_of_event(event) else {
            return;
        };
        let lost = [event.lost_ring_full, event.lost_unreadable];
        self.report_losses(lost, interface, event.time);
        let buffer = self.spare.take();
        let channel = self.channels.get(interface);
        let draft = PacketDraft::channel_event(event, channel, interface, buffer);
        self.order.push(draft);
        self.release(event.time);
    }

    /// Releases packets that have waited too long. To be called when the ring is
    /// empty, with the current monotonic time.
    pub(super) fn on_idle(&mut self, now: u64) {
        self.clock.check_suspend();
        self.release(now);
    }

    /// Takes the probe's counts of lost packets. To be called when the ring is empty,
    /// to report losses that no later record carries.
    pub(super) fn on_loss_counts(&mut self, counts: [u32; 2]) {
        if !self.losses.is_reported(counts) {
            let time = crate::clock::monotonic();
            let interface = self.last_interface();
            self.report_losses(counts, interface, time);
            self.release(time);
        }
    }

    /// Inserts a record of `lost` packets before all others.
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

    /// Converts a monotonic time stamp to nanoseconds since 1970.
    pub(super) fn wall(&self, monotonic: u64) -> u64 {
        self.clock.wall(monotonic)
    }

    /// Releases everything: no record follows.
    pub(super) fn finish(&mut self) {
        self.order.stop_waiting();
        self.release(0);
        for (attempt, refusal) in self.refusals.take_all() {
            self.add_given_up(attempt, refusal);
        }
    }

    /// Completes packets up to the first send that still waits for its return.
    fn release(&mut self, now: u64) {
        while let Some(draft) = self.order.next(now) {
            self.complete(draft);
        }
        while let Some((attempt, refusal)) = self.refusals.take_given_up(now) {
            self.add_given_up(attempt, refusal);
        }
    }

    /// Adds the record of a send that its task has given up. If packets were lost since,
    /// the message may have been accepted among them: then there is no record.
    fn add_given_up(&mut self, attempt: SendAttempt, refusal: PacketDraft) {
        match attempt.lost == self.losses.without_missed_probes() {
            true => self.ready.push_back(refusal),
            false => self.spare.put(refusal.payload),
        }
    }

    /// Completes the next packet in order.
    fn complete(&mut self, draft: PacketDraft) {
        match (draft.header.kind, draft.header.direction) {
            (RecordKind::Packet, Direction::GuestToHost) => self.complete_send(draft),
            (RecordKind::Packet, Direction::HostToGuest) => self.complete_receive(draft),
            (RecordKind::Ioctl, _) => self.complete_ioctl(draft),
            _ => self.ready.push_back(draft),
        }
    }

    fn complete_receive(&mut self, mut draft: PacketDraft) {
        if draft.is_reply() && !self.requesters.on_reply(&mut draft) {
            if self.filtered {
                return self.spare.put(draft.payload);
            }
            if self.losses.is_request_missed(&draft) {
                let record = self.lost_record(missed_probes(1), draft.interface, draft.time);
                self.ready.push_back(record);
            }
        }
        self.ready.push_back(draft);
    }

    fn complete_ioctl(&mut self, end: PacketDraft) {
        // A thread that leaves the driver has given up its refused send.
        if let Some((attempt, refusal)) = self.refusals.take(end.task) {
            self.add_given_up(attempt, refusal);
        }
        let lost = self.losses.without_missed_probes();
        if let Some(replies) = self.requesters.on_ioctl_end(&end, lost) {
            let record =
                self.lost_record(missed_probes(replies.count), replies.interface, end.time);
            self.ready.push_back(record);
        }
        self.ready.push_back(end);
    }

    fn complete_send(&mut self, mut draft: PacketDraft) {
        if draft.wants_reply() {
            self.losses.on_request(&draft);
        }
        let attempt = SendAttempt {
            channel: draft.channel,
            transaction: draft.header.transaction,
            length: draft.header.payload_length,
            lost: self.losses.without_missed_probes(),
        };
        let refused =
            draft.header.known.has(KnownFields::RETURN_VALUE) && draft.header.return_value != 0;
        if refused && draft.header.return_value == EAGAIN {
            draft.header.kind = RecordKind::Refused;
            let (given_up, replaced) = self.refusals.on_refusal(draft.task, attempt, draft);
            if let Some((attempt, refusal)) = given_up {
                self.add_given_up(attempt, refusal);
            }
            if let Some(replaced) = replaced {
                self.spare.put(replaced);
            }
            return;
        }
        match self.refusals.take(draft.task) {
            Some((earlier, refusal)) if earlier == attempt => {
                draft.header.refused_attempts = refusal.header.refused_attempts;
                self.spare.put(refusal.payload);
            }
            Some((earlier, refusal)) => self.add_given_up(earlier, refusal),
            None => {}
        }
        if refused {
            draft.header.kind = RecordKind::Refused;
        } else if draft.wants_reply() {
            let lost = self.losses.without_missed_probes();
            self.requesters.on_request(&draft, lost);
        }
        self.ready.push_back(draft);
    }

    /// Adds a record of the losses that `counts` show and that were not reported.
    fn report_losses(&mut self, counts: [u32; 2], interface: u32, time: u64) {
        let lost = self.losses.take_new(counts);
        if lost.total() > 0 {
            let record = self.lost_record(lost, interface, time);
            self.order.push(record);
        }
    }

    fn lost_record(&mut self, lost: LostPackets, interface: u32, time: u64) -> PacketDraft {
        self.losses.add(lost);
        PacketDraft::lost(lost, self.channels.get(interface), interface, time)
    }

    /// The interface for records that belong to no channel: that of the latest
    /// packet.
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
