//! Checks of lengths: of the message, its parts and the expected reply.

use super::codes::FindingKind;
use super::finding::Finding;
use super::parameters::{ByteCount, FieldNumber, ItemCount};
use dxgtrace_protocol::decode::{Decoded, LocatedBody, PendingRequest};
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};

/// The ring rounds lengths up to a multiple of this number of bytes.
const RING_UNIT: u64 = 8;

/// Checks a request or host message.
pub(super) fn check_command(decoded: &Decoded<'_>, found: &mut impl FnMut(Finding)) {
    let Some(body) = &decoded.body else { return };
    report_shortfall(body, found);
    if let (Some(described), None) = (body.described, body.shortfall) {
        let end = if decoded.payload.exact {
            described
        } else {
            described.next_multiple_of(RING_UNIT)
        };
        let travelled = body.length as u64;
        if travelled > end {
            let at = usize::try_from(described).unwrap_or(usize::MAX);
            let trailing = ByteCount(travelled - end);
            let finding = Finding::new(FindingKind::SizeTrailing { trailing });
            found(finding.at(body.base.saturating_add(at)));
        }
    }
    for field in body.layout.fields_in(body.layout.counted_fields) {
        let Some(used) = field.used_count.filter(|_| body.applies(field)) else {
            continue;
        };
        let field_ref = body.field_ref(field);
        let room = u64::from(field_ref.field.count);
        if let Some(count) = used.slice.and_then(|slice| body.read_slice(&slice))
            && count > room
            && !used.limited
        {
            let kind = FindingKind::CountArray {
                field: used.field,
                count: FieldNumber(count),
                room: ItemCount(room),
            };
            found(Finding::new(kind).at(field_ref.at));
        }
    }
}

/// Checks the length of a reply to the request `pending`. Returns `false` if
/// the reply is too short: the driver then reads none of its fields.
pub(super) fn check_reply(
    decoded: &Decoded<'_>,
    pending: &PendingRequest,
    header: &RecordHeader,
    found: &mut impl FnMut(Finding),
) -> bool {
    let Some(body) = &decoded.body else {
        return true;
    };
    let Some(by_protocol) = pending.expected_length_of(body.layout) else {
        return true;
    };
    if !body.layout.is_read {
        return true;
    }
    let expected = if header.known.has(KnownFields::EXPECTED_REPLY) {
        let room = u64::from(header.expected_reply_length);
        if room != by_protocol && !body.layout.has_other_size(room) {
            found(Finding::new(FindingKind::SizeReplyRoom {
                needed: ByteCount(by_protocol),
                present: ByteCount(room),
            }));
        }
        room
    } else {
        by_protocol
    };
    let travelled = body.length as u64;
    if travelled < expected {
        found(Finding::new(FindingKind::SizeReplyShort {
            needed: ByteCount(expected),
            present: ByteCount(travelled),
        }));
        return false;
    }
    report_shortfall(body, found);
    if let (Some(described), None) = (body.described, body.shortfall) {
        let end = described.max(expected).next_multiple_of(RING_UNIT);
        if travelled > end {
            let at = usize::try_from(end).unwrap_or(usize::MAX);
            let trailing = ByteCount(travelled - end);
            found(Finding::new(FindingKind::SizeReplyLong { trailing }).at(at));
        }
    }
    true
}

/// Reports a body that ends in the middle of a part.
fn report_shortfall(body: &LocatedBody<'_>, found: &mut impl FnMut(Finding)) {
    let Some(shortfall) = body.shortfall else {
        return;
    };
    let (part, needed, present) = (
        shortfall.part,
        ByteCount(shortfall.wanted as u64),
        ByteCount(shortfall.had as u64),
    );
    let kind = if body.layout.tails.iter().any(|tail| tail.name == part) {
        FindingKind::CountBeyondEnd {
            part,
            needed,
            present,
        }
    } else {
        FindingKind::SizeShort {
            part,
            needed,
            present,
        }
    };
    found(Finding::new(kind).at(body.base.saturating_add(shortfall.at)));
}
