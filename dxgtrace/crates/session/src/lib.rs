//! Correlates the packets of a capture: pairs replies with requests, tracks
//! outstanding requests, objects and interface versions, and reports protocol
//! violations.
//!
//! [`Session::analyze`] takes every packet once, in order, live or from a file.
//! To return to an earlier position, keep clones of the session as checkpoints
//! and analyze the packets again from the nearest one. A clone copies about 200
//! bytes for each live object and each outstanding request, and up to 1 MB of
//! history of ended objects, so a checkpoint every 10,000 packets is cheap.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod adapters;
mod calls;
mod channels;
pub mod check;
pub mod entry;
mod ledger;
mod lifetimes;
mod names;
mod objects;
mod pairing;
mod plan;
mod recurrence;
mod refused_sends;
mod status;
mod sync;
mod tree;
mod versions;

pub use adapters::Adapter;
pub use calls::IoctlCall;
pub use channels::{ChannelDeparture, DepartureEvidence, OpenObjects};
pub use ledger::{MemoryAccount, MemoryBudget};
pub use names::ProcessName;
pub use objects::{ChangeOrigin, EndedObject, LiveObject, ObjectChange, ObjectEnd, ObjectId};
pub use pairing::{
    INTERRUPTED, Pairing, StrayReply, UnansweredRequest, WaiterState, WaitingRequest,
};
pub use status::{ReplyOutcome, driver_errno};
pub use sync::{
    AwaitedFence, ChainLink, CpuWait, HeldQueue, LinkKind, QueueActivity, SignalRequest,
    SignalSource,
};
pub use tree::{HandleHistory, NodePlace, ObjectNode};

use calls::IoctlsInProgress;
use channels::ChannelLives;
use check::{
    ByteCount, Code, ErrorNumber, Finding, FindingKind, ItemCount, Milliseconds, PacketNumber,
    Seconds, TransactionId,
};
use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{
    ChannelEvent, ChannelKind, Direction, KnownFields, LostPackets, RecordKind,
};
use dxgtrace_protocol::schema::{FailureImpact, HeaderProcess, MessageSet, ResetScope};
use dxgtrace_protocol::table::framing::PACKET_COMPLETION;
use dxgtrace_protocol::table::{Catalog, errno as kernel_errno};
use lifetimes::Lifetimes;
use pairing::RecentReply;
use plan::MessagePlans;
use recurrence::FailureHistory;
use refused_sends::RefusedSends;

/// Thresholds for the host's reply times.
#[derive(Debug, Clone, Copy)]
pub struct ReplyLimits {
    /// A reply that takes at least this long is reported as slow, in
    /// nanoseconds. Most replies take less than one millisecond.
    pub slow: u64,
    /// A request that has waited at least this long at the end of the capture
    /// is reported as unanswered, in nanoseconds. A host can take seconds to
    /// wake a GPU.
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

/// The protocol state of a capture after its latest packet.
#[derive(Debug, Clone, Default)]
pub struct Session {
    pairing: Pairing,
    calls: IoctlsInProgress,
    channels: ChannelLives,
    lifetimes: Lifetimes,
    failures: FailureHistory,
    refused: RefusedSends,
    limits: ReplyLimits,
    /// Time of the latest packet, in nanoseconds since 1970.
    latest_time: u64,
}

/// The result of analyzing one packet in the context of its capture.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analysis<'a> {
    /// The decoded message; `None` if the packet holds none.
    pub decoded: Option<Decoded<'a>>,
    /// The outcome of the request, if the packet is a reply.
    pub outcome: Option<ReplyOutcome>,
    /// The call, if the packet records the end of an ioctl.
    pub call: Option<IoctlCall>,
}

impl Session {
    /// Creates a session before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a session for the messages of `catalog` instead of the built-in
    /// one. The plans made from the catalog are leaked: they live until the
    /// program exits.
    pub fn with_catalog(catalog: &'static Catalog) -> Self {
        Self {
            lifetimes: Lifetimes::with_plans(Box::leak(Box::new(MessagePlans::prepare(catalog)))),
            ..Self::default()
        }
    }

    /// Replaces the reply limits with `limits`.
    pub fn with_limits(mut self, limits: ReplyLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Analyzes the next packet of the capture and passes its findings to
    /// `found`.
    #[inline]
    pub fn analyze<'a>(
        &mut self,
        packet: &Packet<'a>,
        found: &mut impl FnMut(Finding),
    ) -> Analysis<'a> {
        let mut analysis = Analysis::default();
        self.analyze_into(packet, &mut analysis, found);
        analysis
    }

    /// Like [`analyze`](Self::analyze), but writes the result to `analysis`.
    /// This avoids a copy of about 250 bytes, which stalls the processor right
    /// after the write.
    pub fn analyze_into<'a>(
        &mut self,
        packet: &Packet<'a>,
        analysis: &mut Analysis<'a>,
        found: &mut impl FnMut(Finding),
    ) {
        *analysis = Analysis::default();
        let found = &mut |finding| check::emit(found, finding);
        self.lifetimes.objects.clear_changes();
        self.latest_time = self.latest_time.max(packet.time);
        self.match_reply(packet, found);
        let pending = self
            .pairing
            .answered_request()
            .map(|request| &request.pending);
        check::decode_and_check_with(
            self.lifetimes.catalog(),
            packet,
            pending,
            &mut analysis.decoded,
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
            self.calls.on_send(packet);
        }
        match (packet.header.kind, &analysis.decoded) {
            (RecordKind::Packet, Some(decoded)) => match decoded.part {
                MessagePart::Request => self.on_request(packet, decoded, found),
                MessagePart::Event => {
                    // One of a guest's set goes the wrong way, which is told already.
                    if let Some(message) = decoded.message
                        && message.requests.is_empty()
                        && message.set == MessageSet::Host
                    {
                        let message = message.name;
                        found(Finding::new(FindingKind::EventUnexpected { message }));
                    }
                    self.lifetimes.on_host_message(packet, decoded, found);
                }
                MessagePart::Reply => analysis.outcome = self.on_reply(packet, decoded, found),
            },
            (RecordKind::Packet, None) => {}
            (RecordKind::Refused, decoded) => self.refused(packet, decoded.as_ref(), found),
            (RecordKind::Lost, _) => {
                let lost = LostPackets::decode(packet.payload).map_or(0, |lost| lost.total());
                let lost = ItemCount(lost);
                found(Finding::new(FindingKind::CaptureLost { lost }));
                self.on_packet_loss(packet.number);
            }
            (RecordKind::Ioctl, _) => {
                let missed_reply = self.pairing.on_ioctl_end(packet);
                let mut verdict = None;
                let mut call = self
                    .calls
                    .on_ioctl_end(packet, &mut |finding| verdict = Some(finding));
                if let Some(finding) = verdict {
                    if finding.code() == Code::IoctlAdapterGone {
                        self.lifetimes.report_open_objects(packet.header, found);
                    }
                    found(finding);
                }
                if pairing::is_interrupted(packet.header) && call.first_packet != 0 {
                    self.report_interrupted_wait(packet, call.first_packet, found);
                }
                call.incomplete |= missed_reply;
                if call.incomplete {
                    // Packets are missing that the loss counters do not
                    // include.
                    self.on_packet_loss(packet.number);
                }
                if calls::is_adapter_gone(&call, packet.header) {
                    let Lifetimes {
                        objects, adapters, ..
                    } = &self.lifetimes;
                    self.channels.on_failed_call(packet, objects, adapters);
                }
                analysis.call = Some(call);
            }
            (RecordKind::Channel, _) => self.on_channel_event(packet, found),
        }
    }

    /// Passes the findings that are known only at the end of the capture to
    /// `found`, each with the number of its packet.
    pub fn finish(&self, found: &mut impl FnMut(u64, Finding)) {
        const SECOND: u64 = 1_000_000_000;
        let unanswered = self.unanswered_requests();
        let mut judged = unanswered.iter().peekable();
        for request in self.pairing.waiting_requests() {
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
        for departure in self.departures() {
            self.report_departure(&departure, found);
        }
        self.failures.finish(found);
        self.refused.finish(found);
        let is_lossy = |packet| self.pairing.is_lost_since(packet);
        let (limit, objects) = (self.limits.missing, &self.lifetimes.objects);
        self.lifetimes
            .sync
            .finish(self.latest_time, limit, objects, &is_lossy, found);
    }

    /// The request that the latest packet answers; `None` if that packet is not
    /// a reply to a known request.
    pub fn answered_request(&self) -> Option<&WaitingRequest> {
        self.pairing.answered_request()
    }

    /// The requests that still wait for the host, oldest first. A request is
    /// left out if its reply may have been lost, or if its ioctl, thread or
    /// process has ended.
    pub fn waiting_requests(&self) -> Vec<WaitingRequest> {
        let unanswered = self.unanswered_requests().into_iter();
        let waiting = unanswered.filter(|one| one.interrupted.is_none());
        waiting.map(|one| one.request).collect()
    }

    /// Like [`waiting_requests`](Self::waiting_requests), and also the requests
    /// whose wait a signal ended before a reply came.
    pub fn unanswered_requests(&self) -> Vec<UnansweredRequest> {
        self.pairing.unanswered_requests(self.latest_time)
    }

    /// The number of requests without a captured reply whose thread no longer
    /// waits, or whose reply may be among lost packets.
    pub fn replies_not_seen(&self) -> usize {
        let waiting = self.pairing.waiting_requests().len();
        waiting.saturating_sub(self.unanswered_requests().len())
    }

    /// The CPU waits that the host has not signalled yet, oldest first.
    pub fn cpu_waits(&self) -> Vec<CpuWait> {
        let Lifetimes {
            sync,
            objects,
            names,
            ..
        } = &self.lifetimes;
        sync.cpu_waits(objects, names)
    }

    /// The latest waits of the CPU that a signal or the end of the process ended
    /// before the host did, oldest first: as they were when they ended.
    pub fn interrupted_waits(&self) -> impl Iterator<Item = &CpuWait> {
        self.lifetimes.sync.interrupted_waits()
    }

    /// The queues that are held up by a wait for a fence which no message asks
    /// for, or which waits for them in turn; in the order of these waits.
    pub fn held_queues(&self) -> Vec<HeldQueue> {
        let Lifetimes { sync, objects, .. } = &self.lifetimes;
        sync.held_queues(objects)
    }

    /// What was queued to contexts, hardware queues and paging queues, the busiest
    /// first.
    pub fn queues(&self) -> Vec<QueueActivity> {
        self.lifetimes.sync.queues()
    }

    /// Time of the latest packet, in nanoseconds since 1970.
    pub fn latest_time(&self) -> u64 {
        self.latest_time
    }

    /// The objects that the latest packet created, ended, or revealed as older
    /// than the capture, in order. An owner precedes the objects that end with
    /// it.
    pub fn object_changes(&self) -> &[ObjectChange] {
        self.lifetimes.objects.changes()
    }

    /// The virtual GPUs seen so far, indexed by [`LiveObject::adapter`].
    pub fn adapters(&self) -> &[Adapter] {
        self.lifetimes.adapters.as_slice()
    }

    /// The memory account of each process on each virtual GPU where it has a
    /// device. Accounts of ended processes come first.
    pub fn memory_accounts(&self) -> Vec<&MemoryAccount> {
        self.lifetimes.objects.ledger.all()
    }

    /// The channels that went away, oldest first: what was open on them, and how
    /// many calls failed since. Where no record says it, it is concluded.
    pub fn departures(&self) -> Vec<ChannelDeparture> {
        let mut departures = self.channels.departures(&self.lifetimes.adapters);
        // What was lost since may show that it is there.
        departures.retain(|one| {
            !matches!(one.evidence, DepartureEvidence::Concluded(_))
                || !self.pairing.is_lost_since(one.packet)
        });
        departures
    }

    /// The interface version that the driver declared last; `None` if it was
    /// not captured.
    pub fn declared_version(&self) -> Option<u32> {
        self.lifetimes.versions.driver_version()
    }

    /// Whether async mode is on, in which some messages have no reply; `None`
    /// if not known.
    pub fn async_mode(&self) -> Option<bool> {
        self.lifetimes.async_mode
    }

    /// Whether every packet since the driver's start was captured, so that
    /// every existing object is known.
    pub fn is_complete(&self) -> bool {
        self.lifetimes.is_complete()
    }

    /// Records that packets are missing before packet `number`.
    fn on_packet_loss(&mut self, number: u64) {
        self.pairing.on_packet_loss(number);
        self.calls.on_packet_loss();
        self.lifetimes.on_packet_loss();
    }

    /// Applies an offer, open, close or rescind of a channel.
    #[cold]
    fn on_channel_event(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) {
        let header = packet.header;
        let channel = header.channel;
        let failed = header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0;
        let open = || self.lifetimes.open_on(header);
        let count = |number| ItemCount(number);
        match ChannelEvent::decode(packet.payload) {
            Some(ChannelEvent::Open) if failed => {
                let errno = ErrorNumber(header.return_value.unsigned_abs());
                found(Finding::new(FindingKind::ChannelOpenFailed { errno }));
            }
            Some(ChannelEvent::Open) => {
                self.channels.on_open(channel, &self.lifetimes.adapters);
                if self.pairing.is_in_use(channel) {
                    // How it was closed is not in the capture.
                    self.on_close(packet, found);
                }
            }
            Some(ChannelEvent::Rescind) => {
                let open = open();
                if self
                    .channels
                    .on_departure(packet, DepartureEvidence::Rescinded, open)
                {
                    let (objects, processes) = (count(open.objects), count(open.processes));
                    let kind = FindingKind::ChannelRescinded { objects, processes };
                    found(Finding::new(kind));
                }
                self.pairing.on_rescind(channel);
            }
            Some(ChannelEvent::Close) => {
                let open = open();
                let unknown = self
                    .channels
                    .on_departure(packet, DepartureEvidence::Closed, open);
                if unknown && open.objects > 0 {
                    let (objects, processes) = (count(open.objects), count(open.processes));
                    found(Finding::new(FindingKind::ChannelClosed {
                        objects,
                        processes,
                    }));
                }
                self.on_close(packet, found);
            }
            Some(ChannelEvent::Offer) | None => {}
        }
    }

    /// Drops the requests that wait on a closed channel, and the objects of its
    /// virtual GPU.
    fn on_close(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) {
        let dropped = self.pairing.on_channel_reopened(packet.header.channel);
        for request in &dropped {
            self.lifetimes.forget_request(*request);
        }
        if !dropped.is_empty() {
            let unanswered = ItemCount(dropped.len() as u64);
            found(Finding::new(FindingKind::ChannelUnanswered { unanswered }));
        }
        let scope = match packet.header.channel_kind {
            ChannelKind::Global => ResetScope::Driver,
            ChannelKind::Vgpu | ChannelKind::Unknown => ResetScope::Adapter,
        };
        self.lifetimes.on_channel_reopened(packet, scope);
    }

    /// Reports what only the end of the capture shows of a channel that went away.
    fn report_departure(&self, departure: &ChannelDeparture, found: &mut impl FnMut(u64, Finding)) {
        // The packet that a conclusion is drawn from is one of the calls.
        let mut told = 0;
        if let DepartureEvidence::Concluded(last) = departure.evidence {
            told = 1;
            let kind = FindingKind::ChannelGone {
                last: PacketNumber(last),
                objects: ItemCount(departure.open.objects),
            };
            found(departure.packet, Finding::new(kind));
        }
        if departure.failed_calls > told {
            let kind = FindingKind::ChannelCallsFailed {
                calls: ItemCount(departure.failed_calls),
                last: PacketNumber(departure.last_failed),
            };
            found(departure.packet, Finding::new(kind));
        }
    }

    /// Pairs a completion with its request, or reports why it has none.
    fn match_reply(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) {
        self.pairing.clear_last();
        let header = packet.header;
        if header.kind != RecordKind::Packet
            || header.packet_type != PACKET_COMPLETION
            || header.direction != Direction::HostToGuest
        {
            return;
        }
        let transaction = TransactionId(header.transaction);
        found(Finding::new(match self.pairing.on_reply(packet) {
            Ok(()) => return,
            Err(StrayReply::Unwanted) => FindingKind::ReplyUnwanted { transaction },
            Err(StrayReply::Duplicate(request)) => FindingKind::ReplyDuplicate {
                transaction,
                request: PacketNumber(request),
            },
            Err(StrayReply::BeforeCapture) => FindingKind::ReplyBeforeCapture { transaction },
            Err(StrayReply::InGap) => FindingKind::ReplyInGap { transaction },
            Err(StrayReply::Orphan) => FindingKind::ReplyOrphan { transaction },
        }));
    }

    fn on_request(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let header = packet.header;
        if self.pairing.is_restart(header) {
            let starts = decoded.message.map_or(ResetScope::Nothing, |m| m.resets);
            self.channels
                .on_open(header.channel, &self.lifetimes.adapters);
            let dropped = self.pairing.on_channel_reopened(header.channel);
            for request in &dropped {
                self.lifetimes.forget_request(*request);
            }
            self.lifetimes.on_channel_reopened(packet, starts);
            self.failures.on_channel_reopened(header.channel);
            let unanswered = ItemCount(dropped.len() as u64);
            found(Finding::new(FindingKind::ChannelReopened { unanswered }));
        } else if self.pairing.has_gap(header) {
            self.lifetimes.on_partial_capture();
        }
        if let (Some(message), Some(frame)) = (decoded.message, decoded.frame)
            && message.header_process == HeaderProcess::Destroyed
        {
            self.pairing.on_process_end(frame.process, packet.number);
        }
        let context = self.lifetimes.on_request(packet, decoded, found);
        if let Some(lost) = self.pairing.on_request(packet, decoded, context) {
            self.lifetimes.forget_request(lost.number);
            // The lost packets may hold its reply, or what reopened the channel.
            if !self.pairing.is_lost_since(lost.number) {
                found(Finding::new(FindingKind::TransactionReused {
                    message: lost.name(),
                    transaction: TransactionId(header.transaction),
                    request: PacketNumber(lost.number),
                }));
            }
        }
    }

    /// A message could not be sent.
    #[cold]
    fn refused(
        &mut self,
        packet: &Packet<'_>,
        decoded: Option<&Decoded<'_>>,
        found: &mut impl FnMut(Finding),
    ) {
        let header = packet.header;
        found(Finding::new(FindingKind::SendRefused {
            message: decoded.map_or("message", Decoded::name),
            errno: ErrorNumber(header.return_value.unsigned_abs()),
            attempts: ItemCount(header.refused_attempts.into()),
            length: ByteCount(header.payload_length.into()),
        }));
        if header.return_value == kernel_errno::EAGAIN {
            let frame = decoded.and_then(|decoded| decoded.frame);
            let process = frame.map_or(0, |frame| frame.process);
            let before = self.pairing.recent_replies(header.channel);
            self.refused.on_refused(packet, process, before);
        }
    }

    /// Reports the fences that a thread waited for when a signal ended its
    /// ioctl. The ioctl's first packet is `first`.
    #[cold]
    fn report_interrupted_wait(
        &mut self,
        packet: &Packet<'_>,
        first: u64,
        found: &mut impl FnMut(Finding),
    ) {
        if self.pairing.is_lost_since(first) {
            return;
        }
        let Lifetimes {
            sync,
            objects,
            names,
            ..
        } = &mut self.lifetimes;
        sync.on_interrupt(
            packet.header.tid,
            first,
            (packet.number, packet.time),
            self.limits.missing,
            (objects, names),
            found,
        );
    }

    /// Applies the reply to the request found by
    /// [`match_reply`](Self::match_reply), and returns its outcome.
    fn on_reply(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) -> Option<ReplyOutcome> {
        let request = self.pairing.answered_request()?;
        let message = request.pending.message;
        let outcome = status::reply_outcome(decoded, &request.pending, self.lifetimes.plans());
        status::report_failure(decoded, message, outcome, found);
        let is_probe = message.is_some_and(|one| one.impact == FailureImpact::Probe);
        let may_pass = match outcome {
            ReplyOutcome::Status(status) => !is_probe && !status::is_about_parameters(status),
            _ => !is_probe,
        };
        if outcome != ReplyOutcome::Unstated || status::is_whole(decoded) {
            self.failures.on_reply(packet, request, outcome, may_pass);
        }
        let reply = RecentReply {
            time: packet.time,
            process: request.process,
        };
        self.refused.on_reply(packet.header.channel, reply);
        let took = packet.time.saturating_sub(request.time);
        // If packets are missing, a thread that resumed may have received its
        // reply.
        let gave_up = match request.waiter {
            WaiterState::Waiting => false,
            WaiterState::Interrupted { .. } => true,
            WaiterState::Resumed => !self.pairing.is_lost_since(request.number),
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
        if let (Some(message), Some(process)) = (message, request.context.process())
            && message.header_process == HeaderProcess::Destroyed
            && !outcome.is_failure()
        {
            let Lifetimes {
                sync,
                objects,
                names,
                ..
            } = &mut self.lifetimes;
            sync.on_process_end(
                process,
                (packet.number, packet.time),
                self.limits.missing,
                (objects, names),
                found,
            );
        }
        if let Some(message) = message {
            let about = (request.number, &request.header, message);
            self.lifetimes
                .on_reply(packet, about, decoded, &request.context, outcome, found);
        }
        self.calls.on_reply(request, outcome);
        Some(outcome)
    }
}
