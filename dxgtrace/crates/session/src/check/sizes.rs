//! Checks of lengths: of the message, its parts and the expected reply.

use super::codes::FindingKind;
use super::finding::Finding;
use super::parameters::{ByteCount, FieldNumber, ItemCount};
use dxgtrace_protocol::decode::{Decoded, LocatedBody, PendingRequest};

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
    found: &mut impl FnMut(Finding),
) -> bool {
    let Some(layout) = decoded.layout().filter(|layout| layout.is_read) else {
        return true;
    };
    let by_protocol = pending.expected_length_of(layout);
    let room = decoded.payload.reply_room.map(u64::from);
    if let (Some(needed), Some(room)) = (by_protocol, room)
        && room != needed
        && !layout.has_other_size(room)
    {
        found(Finding::new(FindingKind::SizeReplyRoom {
            needed: ByteCount(needed),
            present: ByteCount(room),
        }));
    }
    let travelled = decoded.payload.length as u64;
    if let Some(short) = &decoded.short_reply {
        found(Finding::new(FindingKind::SizeReplyShort {
            needed: ByteCount(short.expected),
            present: ByteCount(travelled),
        }));
        return false;
    }
    let (Some(body), Some(expected)) = (&decoded.body, room.or(by_protocol)) else {
        return true;
    };
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
