//! The application's calls: which messages an ioctl caused, and whether what
//! it returned agrees with what the host said.

use rustc_hash::FxHashMap;

use super::pairing::{self, WaitingRequest};
use super::status::{self, ReplyOutcome};
use crate::check::{ErrorNumber, Finding, FindingKind, ItemCount, PacketNumber, StatusCode};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::IOCTL;
use dxgtrace_protocol::record::header::{IoctlEnd, KnownFields, RecordHeader};
use dxgtrace_protocol::table::errno;
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;

/// Threads followed at most; beyond that, all are forgotten.
const THREADS_MAX: usize = 1 << 14;

/// An ioctl with what was captured of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoctlCall {
    /// Its request number.
    pub ioctl: u32,
    /// Number of its first message, or 0.
    pub first: u64,
    /// Messages in the capture.
    pub messages: u64,
    /// Of its exchanges the first that failed: number of the request, and what
    /// the reply said.
    pub failed: Option<(u64, ReplyOutcome)>,
    /// Requests that wait for a reply.
    waiting: u64,
    /// Packets are missing since it began.
    gap: bool,
    /// Whether the capture lacks packets of it, by what the probe counted.
    pub incomplete: bool,
}

/// The ioctls in progress, by thread.
#[derive(Debug, Clone, Default)]
pub(super) struct IoctlsInProgress {
    threads: FxHashMap<u32, IoctlCall>,
}

impl IoctlsInProgress {
    /// A packet was sent, or could not be.
    pub fn sent(&mut self, packet: &Packet<'_>) {
        let header = packet.header;
        if !header.known.has(KnownFields::TASK | KnownFields::IOCTL) {
            return;
        }
        if self.threads.len() >= THREADS_MAX && !self.threads.contains_key(&header.tid) {
            self.threads.clear();
        }
        let call = self.threads.entry(header.tid).or_default();
        if call.first == 0 || call.ioctl != header.ioctl {
            *call = IoctlCall {
                ioctl: header.ioctl,
                first: packet.number,
                ..IoctlCall::default()
            };
        }
        if packet.is_message() {
            call.messages += 1;
            call.waiting += u64::from(header.packet_flags & FLAG_COMPLETION_REQUESTED);
        }
    }

    /// A request was answered.
    pub fn answered(&mut self, request: &WaitingRequest, outcome: ReplyOutcome) {
        let Some(call) = self.threads.get_mut(&request.header.tid) else {
            return;
        };
        if request.number < call.first || !request.header.known.has(KnownFields::IOCTL) {
            return;
        }
        call.waiting = call.waiting.saturating_sub(1);
        if outcome.is_failure() && call.failed.is_none() {
            call.failed = Some((request.number, outcome));
        }
    }

    /// Packets are missing here.
    pub fn gap(&mut self) {
        for call in self.threads.values_mut() {
            call.gap = true;
        }
    }

    /// Takes the end of an ioctl. Reports a result that contradicts the host's
    /// replies, if all messages of the call were captured.
    pub fn ended(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) -> IoctlCall {
        let header = packet.header;
        let mut call = self
            .threads
            .remove(&header.tid)
            .filter(|call| call.ioctl == header.ioctl)
            .unwrap_or(IoctlCall {
                ioctl: header.ioctl,
                ..IoctlCall::default()
            });
        let sent = IoctlEnd::decode(packet.payload).map(|end| end.messages);
        let end_seen = header.known.has(KnownFields::IOCTL_RESULT);
        call.incomplete = !end_seen || sent.is_some_and(|sent| sent > call.messages);
        let whole = sent == Some(call.messages) && call.waiting == 0 && !call.gap;
        let judged = end_seen && !pairing::is_interrupted(header) && whole;
        if judged && let Some(finding) = verdict(&call, header) {
            found(finding);
        }
        call
    }
}

/// What the driver's send function returns for a message beyond its limit.
const TOO_LARGE: i32 = errno::negative("EINVAL");
/// What the driver returns once the virtual GPU went away.
const ADAPTER_GONE: i32 = errno::negative("ENODEV");
/// What the driver returns to a process that uses another one's file. An ioctl
/// that the driver does not know is refused with it, too.
const NOT_THE_OPENER: i32 = errno::negative("ENOTTY");

/// What contradicts the host's replies in a call's result.
fn verdict(call: &IoctlCall, header: &RecordHeader) -> Option<Finding> {
    let result = header.ioctl_result;
    let ioctl = IOCTL.name_of(call.ioctl.into()).unwrap_or("ioctl");
    let errno = ErrorNumber(result.unsigned_abs());
    let failed = result < 0;
    let kind = match (call.failed, failed) {
        (Some((request, ReplyOutcome::Status(status))), false) => FindingKind::IoctlNotTold {
            ioctl,
            status: StatusCode(status),
            request: PacketNumber(request),
        },
        (Some((request, ReplyOutcome::NoHandle | ReplyOutcome::Short)), false) => {
            FindingKind::IoctlNoObject {
                ioctl,
                request: PacketNumber(request),
            }
        }
        (Some((_, ReplyOutcome::Status(status))), true) if status::errno(status) != errno.0 => {
            FindingKind::IoctlOtherErrno {
                ioctl,
                errno,
                status: StatusCode(status),
            }
        }
        // The driver's own send function refused it: nothing was sent.
        (None, true)
            if call.messages == 0
                && header.known.has(KnownFields::RETURN_VALUE)
                && header.return_value == result
                && result == TOO_LARGE =>
        {
            FindingKind::IoctlUnsendable { ioctl, errno }
        }
        // A failed send or wait needs no reply of the host.
        (None, true) if header.known.has(KnownFields::RETURN_VALUE) && header.return_value != 0 => {
            return None;
        }
        (None, true) if call.messages == 0 && result == ADAPTER_GONE => {
            FindingKind::IoctlAdapterGone { ioctl, errno }
        }
        (None, true) if call.messages == 0 && result == NOT_THE_OPENER => {
            FindingKind::IoctlForeignFile { ioctl, errno }
        }
        (None, true) if call.messages == 0 => FindingKind::IoctlRefused { ioctl, errno },
        (None, true) => FindingKind::IoctlAfterSuccess {
            ioctl,
            errno,
            messages: ItemCount(call.messages),
        },
        _ => return None,
    };
    Some(Finding::new(kind))
}
