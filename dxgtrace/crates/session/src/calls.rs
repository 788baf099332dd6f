//! Tracks ioctls: which messages each one sent, and whether its result agrees
//! with the host's replies.

use rustc_hash::FxHashMap;

use super::pairing::{self, WaitingRequest};
use super::status::{self, ReplyOutcome};
use crate::check::{ErrorNumber, Finding, FindingKind, ItemCount, PacketNumber, StatusCode};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::IOCTL;
use dxgtrace_protocol::record::header::{IoctlEnd, KnownFields, RecordHeader, RecordKind};
use dxgtrace_protocol::table::errno;
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;

/// Maximum number of threads; beyond it, all are forgotten.
const THREADS_MAX: usize = 1 << 14;

/// An ioctl and the messages that were captured of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoctlCall {
    /// The ioctl's request number.
    pub ioctl: u32,
    /// Packet number of its first message, or 0.
    pub first_packet: u64,
    /// Number of its messages in the capture.
    pub messages: u64,
    /// The first of its requests that failed: its packet number and outcome.
    pub first_failure: Option<(u64, ReplyOutcome)>,
    /// Number of its messages that could not be sent. The probe may have
    /// counted them.
    unsent: u64,
    /// Requests that have no reply yet.
    awaited_replies: u64,
    /// Whether packets were lost since it began.
    packets_lost: bool,
    /// Whether some of its messages, or its end, were not captured, by the
    /// probe's count.
    pub incomplete: bool,
}

/// The ioctls in progress, by thread.
#[derive(Debug, Clone, Default)]
pub(super) struct IoctlsInProgress {
    threads: FxHashMap<u32, IoctlCall>,
}

impl IoctlsInProgress {
    /// Records a send or a refused send.
    pub fn on_send(&mut self, packet: &Packet<'_>) {
        let header = packet.header;
        if !header.known.has(KnownFields::TASK | KnownFields::IOCTL) {
            return;
        }
        if self.threads.len() >= THREADS_MAX && !self.threads.contains_key(&header.tid) {
            self.threads.clear();
        }
        let call = self.threads.entry(header.tid).or_default();
        if call.first_packet == 0 || call.ioctl != header.ioctl {
            *call = IoctlCall {
                ioctl: header.ioctl,
                first_packet: packet.number,
                ..IoctlCall::default()
            };
        }
        if packet.is_message() {
            call.messages += 1;
            call.awaited_replies += u64::from(header.packet_flags & FLAG_COMPLETION_REQUESTED);
        } else if header.kind == RecordKind::Refused {
            call.unsent += 1;
        }
    }

    /// Records the reply to `request`.
    pub fn on_reply(&mut self, request: &WaitingRequest, outcome: ReplyOutcome) {
        let Some(call) = self.threads.get_mut(&request.header.tid) else {
            return;
        };
        if request.number < call.first_packet || !request.header.known.has(KnownFields::IOCTL) {
            return;
        }
        call.awaited_replies = call.awaited_replies.saturating_sub(1);
        if outcome.is_failure() && call.first_failure.is_none() {
            call.first_failure = Some((request.number, outcome));
        }
    }

    /// Records a loss of packets.
    pub fn on_packet_loss(&mut self) {
        for call in self.threads.values_mut() {
            call.packets_lost = true;
        }
    }

    /// Records the end of an ioctl and returns the call. Reports a result that
    /// contradicts the host's replies if all messages of the call were
    /// captured.
    pub fn on_ioctl_end(
        &mut self,
        packet: &Packet<'_>,
        found: &mut impl FnMut(Finding),
    ) -> IoctlCall {
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
        call.incomplete = !end_seen || sent.is_some_and(|sent| sent > call.messages + call.unsent);
        let whole = sent == Some(call.messages) && call.awaited_replies == 0 && !call.packets_lost;
        let judged = end_seen && !pairing::is_interrupted(header) && whole;
        if judged && let Some(finding) = contradiction(&call, header) {
            found(finding);
        }
        call
    }
}

/// What the driver's send function returns for a message larger than its limit.
const TOO_LARGE: i32 = errno::negative("EINVAL");
/// What the driver returns after the virtual GPU was removed.
const ADAPTER_GONE: i32 = errno::negative("ENODEV");
/// What the driver returns to a process that uses a file opened by another
/// process, and for an unknown ioctl.
const NOT_THE_OPENER: i32 = errno::negative("ENOTTY");

/// Whether the driver refused a call because the virtual GPU is gone.
pub(super) fn is_adapter_gone(call: &IoctlCall, header: &RecordHeader) -> bool {
    call.messages == 0
        && !call.incomplete
        && header.known.has(KnownFields::IOCTL_RESULT)
        && header.ioctl_result == ADAPTER_GONE
}

/// The finding for a result that contradicts the host's replies, if it does.
fn contradiction(call: &IoctlCall, header: &RecordHeader) -> Option<Finding> {
    let result = header.ioctl_result;
    let ioctl = IOCTL.name_of(call.ioctl.into()).unwrap_or("ioctl");
    let errno = ErrorNumber(result.unsigned_abs());
    let failed = result < 0;
    let kind = match (call.first_failure, failed) {
        (Some((request, ReplyOutcome::Status(status))), false) => FindingKind::IoctlNotTold {
            ioctl,
            status: StatusCode(status),
            request: PacketNumber(request),
        },
        (Some((request, ReplyOutcome::NoHandle | ReplyOutcome::Short { .. })), false) => {
            FindingKind::IoctlNoObject {
                ioctl,
                request: PacketNumber(request),
            }
        }
        (Some((_, ReplyOutcome::Status(status))), true)
            if status::driver_errno(status) != errno.0 =>
        {
            FindingKind::IoctlOtherErrno {
                ioctl,
                errno,
                status: StatusCode(status),
            }
        }
        // The driver's send function refused the message.
        (None, true)
            if call.messages == 0
                && header.known.has(KnownFields::RETURN_VALUE)
                && header.return_value == result
                && result == TOO_LARGE =>
        {
            FindingKind::IoctlUnsendable { ioctl, errno }
        }
        // The send or wait failed: the host is not involved.
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
