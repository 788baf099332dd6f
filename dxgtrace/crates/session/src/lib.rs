//! What the packets of a capture mean together: which reply belongs to which
//! request, what is still waited for, which objects exist, which version is
//! spoken, and who breaks the rules.
//!
//! [`Session::see`] takes every packet once, in order, live or from a file.
//! The state between two packets is that of all before: to look at an earlier
//! place, keep clones along the way and let one see the packets from there
//! again. A clone costs as much as copying what exists (some 200 bytes an
//! object and an outstanding request, and up to 1 MB of what is remembered of
//! ended objects), so one every 10,000 packets or so is cheap.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod adapters;
mod calls;
pub mod check;
pub mod entry;
mod ledger;
mod lifetimes;
mod names;
mod objects;
mod pairing;
mod plan;
mod status;
mod tree;
mod versions;
mod waits;

pub use adapters::Adapter;
pub use calls::IoctlCall;
pub use ledger::{MemoryAccount, MemoryBudget};
pub use names::ProcessName;
pub use objects::{ChangeOrigin, EndedObject, LiveObject, ObjectChange, ObjectEnd, ObjectId};
pub use pairing::{INTERRUPTED, Pairing, StrayReply, UnansweredRequest, Waiter, WaitingRequest};
pub use status::{ReplyOutcome, errno};
pub use tree::{HandleHistory, NodePlace, ObjectNode};
pub use waits::{AwaitedFence, CpuWait};

use calls::IoctlsInProgress;
use check::{
    ByteCount, ErrorNumber, EventNumber, FieldNumber, Finding, FindingKind, HandleValue, ItemCount,
    Milliseconds, PacketNumber, Seconds, TransactionId,
};
use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{Direction, LostPackets, RecordKind};
use dxgtrace_protocol::schema::{HeaderProcess, ResetScope};
use dxgtrace_protocol::table::Catalog;
use dxgtrace_protocol::table::framing::PACKET_COMPLETION;
use lifetimes::Lifetimes;
use plan::MessagePlans;

/// How long the host may take.
#[derive(Debug, Clone, Copy)]
pub struct ReplyLimits {
    /// How long an answer may take without being worth a note, in nanoseconds.
    /// Most come within one millisecond.
    pub slow: u64,
    /// How long a request must have waited at the end of the capture to be
    /// called unanswered, in nanoseconds. Hosts take seconds to wake a GPU.
    pub missing: u64,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self {
            slow: 50_000_000,
            missing: 5_000_000_000,
        }
    }
}

/// Follows a capture from its first packet on.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pairing: Pairing,
    calls: IoctlsInProgress,
    lifetimes: Lifetimes,
    limits: ReplyLimits,
    /// Time of the latest packet.
    now: u64,
}

/// What is known of a packet once its place in the capture is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analysis<'a> {
    /// The message in it, if there is one.
    pub decoded: Option<Decoded<'a>>,
    /// Of a reply: what it says.
    pub outcome: Option<ReplyOutcome>,
    /// Of an ioctl's end: what was captured of it.
    pub call: Option<IoctlCall>,
}

impl Session {
    /// A session that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A session over the messages of a catalog other than the built-in one. What is
    /// prepared for it is kept for as long as the program runs.
    pub fn of(catalog: &'static Catalog) -> Self {
        Self {
            lifetimes: Lifetimes::of(Box::leak(Box::new(MessagePlans::of(catalog)))),
            ..Self::default()
        }
    }

    /// The same with other limits.
    pub fn within(mut self, limits: ReplyLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the next packet of the capture.
    #[inline]
    pub fn see<'a>(
        &mut self,
        packet: &Packet<'a>,
        found: &mut impl FnMut(Finding),
    ) -> Analysis<'a> {
        let mut seen = Analysis::default();
        self.take(packet, &mut seen, found);
        seen
    }

    /// The same with what is known of the packet put where it stays: it is large,
    /// and slow to move when just written.
    pub fn take<'a>(
        &mut self,
        packet: &Packet<'a>,
        seen: &mut Analysis<'a>,
        found: &mut impl FnMut(Finding),
    ) {
        *seen = Analysis::default();
        let found = &mut |finding| check::emit(found, finding);
        self.lifetimes.objects.settle();
        self.now = self.now.max(packet.time);
        self.answer(packet, found);
        let pending = self.pairing.answered().map(|request| &request.pending);
        check::packet_of(
            self.lifetimes.catalog(),
            packet,
            pending,
            &mut seen.decoded,
            found,
        );
        if packet.is_cut() {
            let captured = packet.payload.len();
            let kind = FindingKind::CaptureCut {
                captured: ByteCount(captured as u64),
                length: ByteCount(packet.header.payload_length.into()),
            };
            found(Finding::new(kind).at(captured));
        }
        if packet.header.direction == Direction::GuestToHost {
            self.calls.sent(packet);
        }
        match (packet.header.kind, &seen.decoded) {
            (RecordKind::Packet, Some(decoded)) => match decoded.part {
                MessagePart::Request => self.request(packet, decoded, found),
                MessagePart::Event => self.lifetimes.event(packet, decoded, found),
                MessagePart::Reply => seen.outcome = self.reply(packet, decoded, found),
            },
            (RecordKind::Packet, None) => {}
            (RecordKind::Refused, decoded) => found(Finding::new(FindingKind::SendRefused {
                message: decoded.as_ref().map_or("message", Decoded::name),
                errno: ErrorNumber(packet.header.return_value.unsigned_abs()),
                attempts: ItemCount(packet.header.refused_attempts.into()),
            })),
            (RecordKind::Lost, _) => {
                let lost = LostPackets::decode(packet.payload).map_or(0, |lost| lost.total());
                let lost = ItemCount(lost);
                found(Finding::new(FindingKind::CaptureLost { lost }));
                self.gap(packet.number);
            }
            (RecordKind::Ioctl, _) => {
                let missed_reply = self.pairing.left(packet);
                let mut call = self.calls.ended(packet, found);
                if pairing::is_interrupted(packet.header) && call.first != 0 {
                    self.interrupted_wait(packet, call.first, found);
                }
                call.incomplete |= missed_reply;
                if call.incomplete {
                    // The capture lacks packets that nobody counted.
                    self.gap(packet.number);
                }
                seen.call = Some(call);
            }
        }
    }

    /// Passes the findings that only the end of the capture shows to `found`,
    /// with the numbers of their packets.
    pub fn finish(&self, found: &mut impl FnMut(u64, Finding)) {
        const SECOND: u64 = 1_000_000_000;
        let unanswered = self.unanswered();
        let mut judged = unanswered.iter().peekable();
        for request in self.pairing.waiting() {
            let message = request.name();
            let kind = match judged.next_if(|one| one.request.number == request.number) {
                None => FindingKind::ReplyNotSeen { message },
                Some(one) => match (one.interrupted, one.waited >= self.limits.missing) {
                    (None, false) => FindingKind::ReplyPending { message },
                    (None, true) => FindingKind::ReplyMissing {
                        message,
                        waited_s: Seconds(one.waited / SECOND),
                    },
                    (Some(end), false) => FindingKind::WaitInterrupted {
                        message,
                        waited_ms: Milliseconds(one.waited / 1_000_000),
                        wait_end: PacketNumber(end),
                    },
                    (Some(end), true) => FindingKind::ReplyGivenUp {
                        message,
                        waited_s: Seconds(one.waited / SECOND),
                        wait_end: PacketNumber(end),
                    },
                },
            };
            found(request.number, Finding::new(kind));
        }
        for sleeper in self.sleepers() {
            let slept = self.now.saturating_sub(sleeper.time);
            if slept >= self.limits.missing && !self.pairing.is_lost_since(sleeper.packet) {
                let kind = FindingKind::EventMissing {
                    event: EventNumber(sleeper.event),
                    waited_s: Seconds(slept / SECOND),
                };
                found(sleeper.packet, Finding::new(kind));
            }
        }
    }

    /// Of the latest packet, if it is a reply: the request that it answers.
    pub fn answered(&self) -> Option<&WaitingRequest> {
        self.pairing.answered()
    }

    /// The requests that the host owes a reply, oldest first: no reply is in
    /// the capture, and nothing shows that one came, neither a loss of packets
    /// nor the end of the ioctl, thread or process that waits.
    pub fn waiting(&self) -> Vec<WaitingRequest> {
        let unanswered = self.unanswered().into_iter();
        let waiting = unanswered.filter(|one| one.interrupted.is_none());
        waiting.map(|one| one.request).collect()
    }

    /// The same, with those whose wait a signal has ended before a reply came.
    pub fn unanswered(&self) -> Vec<UnansweredRequest> {
        self.pairing.unanswered(self.now)
    }

    /// How many requests have no reply in the capture although nobody waits for
    /// one any more, or whose reply may be among lost packets.
    pub fn replies_not_seen(&self) -> usize {
        let waiting = self.pairing.waiting().len();
        waiting.saturating_sub(self.unanswered().len())
    }

    /// The waits of the CPU that the host was told of and has not ended, oldest
    /// first.
    pub fn sleepers(&self) -> Vec<CpuWait> {
        let Lifetimes {
            waits,
            objects,
            names,
            ..
        } = &self.lifetimes;
        waits.sleepers(objects, names)
    }

    /// Time of the latest packet, in nanoseconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What the latest packet did to objects: what it created, ended, or made
    /// known as from before the capture. In order; owners end before what
    /// ends with them.
    pub fn changes(&self) -> &[ObjectChange] {
        self.lifetimes.objects.changes()
    }

    /// The virtual GPUs seen so far; [`LiveObject::adapter`] is an index into them.
    pub fn adapters(&self) -> &[Adapter] {
        self.lifetimes.adapters.all()
    }

    /// Who has how much memory: an account for each process on each virtual GPU
    /// that it has a device on, first those of processes that have ended.
    pub fn accounts(&self) -> Vec<&MemoryAccount> {
        self.lifetimes.objects.ledger.all()
    }

    /// The interface version that the driver declared last.
    pub fn version(&self) -> Option<u32> {
        self.lifetimes.versions.declared()
    }

    /// Whether messages that allow it go without a reply, if that is known.
    pub fn async_mode(&self) -> Option<bool> {
        self.lifetimes.async_mode
    }

    /// Whether all packets since the driver's start were seen, so that nothing
    /// exists that is not known.
    pub fn is_complete(&self) -> bool {
        self.lifetimes.is_complete()
    }

    /// Packets are missing before that of this number.
    fn gap(&mut self, number: u64) {
        self.pairing.gap(number);
        self.calls.gap();
        self.lifetimes.gap();
    }

    /// Looks for the request that a packet answers.
    fn answer(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) {
        self.pairing.settle();
        let header = packet.header;
        if header.kind != RecordKind::Packet
            || header.packet_type != PACKET_COMPLETION
            || header.direction != Direction::HostToGuest
        {
            return;
        }
        let transaction = TransactionId(header.transaction);
        found(Finding::new(match self.pairing.answer(packet) {
            Ok(()) => return,
            Err(StrayReply::Unwanted) => FindingKind::ReplyUnwanted { transaction },
            Err(StrayReply::Again(request)) => FindingKind::ReplyDuplicate {
                transaction,
                request: PacketNumber(request),
            },
            Err(StrayReply::BeforeCapture) => FindingKind::ReplyBeforeCapture { transaction },
            Err(StrayReply::InGap) => FindingKind::ReplyInGap { transaction },
            Err(StrayReply::Orphan) => FindingKind::ReplyOrphan { transaction },
        }));
    }

    fn request(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let header = packet.header;
        if self.pairing.begins_anew(header) {
            let starts = decoded.message.map_or(ResetScope::Nothing, |m| m.resets);
            let dropped = self.pairing.restart(header.channel);
            for request in &dropped {
                self.lifetimes.abandon(*request);
            }
            self.lifetimes.restarted(packet, starts);
            let unanswered = ItemCount(dropped.len() as u64);
            found(Finding::new(FindingKind::ChannelReopened { unanswered }));
        } else if self.pairing.skips(header) {
            self.lifetimes.skipped();
        }
        if let (Some(message), Some(frame)) = (decoded.message, decoded.frame)
            && message.header_process == HeaderProcess::Destroyed
        {
            self.pairing.process_ended(frame.process, packet.number);
        }
        let memo = self.lifetimes.request(packet, decoded, found);
        if let Some(lost) = self.pairing.ask(packet, decoded, memo) {
            self.lifetimes.abandon(lost.number);
            found(Finding::new(FindingKind::TransactionReused {
                message: lost.name(),
                transaction: TransactionId(header.transaction),
                request: PacketNumber(lost.number),
            }));
        }
    }

    /// A signal has ended an ioctl that began with packet `first`: reports the
    /// fences that its thread waited for.
    #[cold]
    fn interrupted_wait(
        &mut self,
        packet: &Packet<'_>,
        first: u64,
        found: &mut impl FnMut(Finding),
    ) {
        if self.pairing.is_lost_since(first) {
            return;
        }
        let waits = &mut self.lifetimes.waits;
        waits.interrupted(packet.header.tid, first, |fence, value, asked| {
            let asked = match asked {
                true => "a message asked for that value, and the GPU did not get there",
                false => "no message asked for that value",
            };
            found(Finding::new(FindingKind::FenceNotReached {
                asked,
                fence: HandleValue(fence),
                value: FieldNumber(value),
            }));
        });
    }

    /// Takes the reply to the request that was found, and tells what it says.
    fn reply(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) -> Option<ReplyOutcome> {
        let request = self.pairing.answered()?;
        let message = request.pending.message;
        let outcome = status::outcome(decoded, &request.pending, self.lifetimes.plans());
        status::report(decoded, message, outcome, found);
        let took = packet.time.saturating_sub(request.time);
        // That a thread went on proves nothing once packets are missing.
        let gave_up = match request.waiter {
            Waiter::Waits => false,
            Waiter::Interrupted { .. } => true,
            Waiter::WentOn => !self.pairing.is_lost_since(request.number),
        };
        if gave_up {
            found(Finding::new(FindingKind::ReplyLate {
                message: request.name(),
                request: PacketNumber(request.number),
            }));
        } else if took >= self.limits.slow {
            found(Finding::new(FindingKind::ReplySlow {
                message: request.name(),
                took_ms: Milliseconds(took / 1_000_000),
            }));
        }
        if let Some(message) = message {
            let about = (request.number, &request.header, message);
            self.lifetimes
                .reply(packet, about, decoded, &request.memo, outcome, found);
        }
        self.calls.answered(request, outcome);
        Some(outcome)
    }
}
