//! Does a message obey the protocol? The rules here name no message: they walk
//! the description and compare it with the bytes.
//!
//! A finding holds numbers, not text, and is made without allocation; its
//! sentence is written when somebody reads it.

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
    ByteCount, ChannelType, CommandNumber, EndedIn, ErrorNumber, EventNumber, FieldBits,
    FieldNumber, HandleValue, HeaderBit, InterfaceVersion, ItemCount, Milliseconds, Notation,
    PacketNumber, PacketType, Parameter, Seconds, StatusCode, TransactionId,
};
pub use severity::{Layer, Severity};
pub use values::{allowed, dirty_padding, rule_violation};

use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};
use dxgtrace_protocol::table::{CATALOG, Catalog};

/// Passes a finding to `found`. Most packets have none: a function of its own,
/// marked cold, keeps the code that every packet runs through short.
#[cold]
#[inline(never)]
pub(crate) fn emit(found: &mut impl FnMut(Finding), finding: Finding) {
    found(finding);
}

/// Decodes a packet into `place` and passes what is wrong with it to `found`.
/// `pending` is the request that a completion answers. If the packet holds no
/// message, `place` is left unchanged.
#[inline]
pub fn packet<'a>(
    packet: &Packet<'a>,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
    found: &mut impl FnMut(Finding),
) {
    packet_of(&CATALOG, packet, pending, place, found);
}

/// The same with the messages of a catalog.
#[inline]
pub fn packet_of<'a>(
    catalog: &'static Catalog,
    packet: &Packet<'a>,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
    found: &mut impl FnMut(Finding),
) {
    if matches!(packet.header.kind, RecordKind::Lost | RecordKind::Ioctl) {
        return;
    }
    let outbound = packet.header.direction == Direction::GuestToHost;
    let found = &mut |finding: Finding| {
        emit(found, if outbound { finding } else { finding.of_host() });
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
        // The packet was never sent: its content is not judged.
        return;
    }
    if let Err(error) = located {
        framing::no_frame(error, payload, found);
    }
    match (place, pending) {
        (Some(reply), Some(pending)) if part == MessagePart::Reply => {
            if sizes::reply(reply, pending, packet.header, found) {
                values::reply(reply, found);
            }
        }
        (Some(command), _) => {
            framing::check(command, packet, found);
            sizes::command(command, found);
            values::command(command, found);
        }
        (None, _) => {}
    }
}
