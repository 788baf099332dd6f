//! Checks messages against the protocol. The code names no message: it walks
//! the table and compares it with the bytes.
//!
//! A finding holds numbers instead of text, so creating it allocates nothing;
//! its sentence is written on demand.

mod codes;
mod finding;
mod framing;
mod parameters;
mod severity;
mod sizes;
mod values;

pub use codes::{Code, CodeDescription, FindingKind, MAX_PARAMETERS, ParameterDescription};
pub use finding::Finding;
pub use parameters::{
    ByteCount, ChannelType, CommandNumber, EndedIn, ErrorNumber, EventNumber, FenceHandle,
    FieldBits, FieldNumber, HandleValue, HeaderBit, InterfaceVersion, ItemCount, Milliseconds,
    Notation, ObjectCount, PacketNumber, PacketType, Parameter, RepeatCount, Seconds, SignalPacket,
    StatusCode, TransactionId,
};
pub use severity::{Layer, Severity};
pub use values::{allowed_values, padding_finding, rule_violation};

use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};
use dxgtrace_protocol::table::{CATALOG, Catalog};

/// Passes a finding to `found`. Findings are rare, so this is a separate cold
/// function: it keeps the code that every packet runs through short.
#[cold]
#[inline(never)]
pub(crate) fn emit(found: &mut impl FnMut(Finding), finding: Finding) {
    found(finding);
}

/// Decodes a packet into `place` and passes its findings to `found`. `pending`
/// is the request that a completion answers. If the packet holds no message,
/// `place` is left unchanged.
#[inline]
pub fn decode_and_check<'a>(
    packet: &Packet<'a>,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
    found: &mut impl FnMut(Finding),
) {
    decode_and_check_with(&CATALOG, packet, pending, place, found);
}

/// Like [`decode_and_check`], with the messages of `catalog`.
#[inline]
pub fn decode_and_check_with<'a>(
    catalog: &'static Catalog,
    packet: &Packet<'a>,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
    found: &mut impl FnMut(Finding),
) {
    if !packet.header.kind.has_message() {
        return;
    }
    let outbound = packet.header.direction == Direction::GuestToHost;
    let found = &mut |finding: Finding| {
        emit(
            found,
            if outbound {
                finding
            } else {
                finding.about_host()
            },
        );
    };
    let payload = Payload::of_packet(packet);
    let refused = packet.header.kind == RecordKind::Refused;
    let part = match (packet.header.packet_type, outbound) {
        _ if refused => MessagePart::Request,
        (PACKET_COMPLETION, false) => MessagePart::Reply,
        (PACKET_INBAND, true) => MessagePart::Request,
        (PACKET_INBAND, false) => MessagePart::Event,
        (PACKET_COMPLETION, true) => {
            let part = "completion";
            return found(Finding::new(FindingKind::PacketDirection { part }));
        }
        (other, _) => {
            let packet_type = PacketType(other);
            return found(Finding::new(FindingKind::PacketType { packet_type }));
        }
    };
    if part == MessagePart::Reply && pending.is_none() {
        return;
    }
    let located = decode::locate(catalog, payload, part, pending, place);
    if refused {
        // The packet was never sent: its content is not checked.
        return;
    }
    if let Err(error) = located {
        framing::report_no_frame(error, payload, found);
    }
    match (place, pending) {
        (Some(reply), Some(pending)) if part == MessagePart::Reply => {
            if sizes::check_reply(reply, pending, found) {
                values::check_reply(reply, found);
            }
        }
        (Some(command), _) => {
            framing::check_headers(command, packet, found);
            sizes::check_command(command, found);
            values::check_command(command, found);
        }
        (None, _) => {}
    }
}
