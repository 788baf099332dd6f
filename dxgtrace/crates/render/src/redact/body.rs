//! Redacts the payload of a packet.

use std::ops::Range;

use dxgtrace_protocol::decode::{ArrayRef, Decoded, FieldRef, MessagePart};
use dxgtrace_protocol::schema::{FieldRule, FieldType, TailElement};

/// Replaces a nonzero byte whose value is removed.
const NONZERO: u8 = 0xFF;
/// Replaces a UTF-16LE code unit of text.
const TEXT_UNIT: [u8; 2] = [b'x', 0];

/// A payload under redaction: zeros, into which the bytes to keep are copied.
struct RedactedPayload<'a> {
    from: &'a [u8],
    to: Vec<u8>,
    address: &'a dyn Fn(u64) -> u64,
}

/// Redacts the payload of a message.
pub(super) fn redact(
    decoded: &Decoded<'_>,
    payload: &[u8],
    address: &dyn Fn(u64) -> u64,
) -> Vec<u8> {
    let mut redacted = RedactedPayload {
        from: payload,
        to: vec![0; payload.len()],
        address,
    };
    let request = decoded.part == MessagePart::Request;
    for header in decoded.headers() {
        let size = usize::from(header.layout.size);
        redacted.copy(header.base..header.base.saturating_add(size));
    }
    let Some(body) = &decoded.body else {
        return redacted.to;
    };
    // Padding keeps whether it is zero, since that is checked.
    for (at, length) in body.layout.gaps.iter().take_while(|gap| gap.1 > 0) {
        let at = body.base + usize::from(*at);
        redacted.copy_nonzero(at..at + usize::from(*length));
    }
    if let Some(unused) = body.unused_range() {
        redacted.copy_nonzero(body.base + unused.start..body.base + unused.end);
    }
    let described = body.described.and_then(|end| usize::try_from(end).ok());
    if let Some(described) = described.filter(|described| *described < body.length) {
        let end = body.base.saturating_add(body.length);
        redacted.copy_nonzero(body.base.saturating_add(described)..end);
    }
    for spot in body.fields() {
        redacted.field(&spot, request);
    }
    for tail in body.tails() {
        redacted.tail(&tail, request);
    }
    redacted.to
}

/// Zeroes a payload that is not a known message, except for its first `kept` bytes.
pub(super) fn keep_first_bytes(payload: &[u8], kept: usize) -> Vec<u8> {
    let mut redacted = vec![0; payload.len()];
    for (to, from) in redacted.iter_mut().zip(payload).take(kept) {
        *to = *from;
    }
    redacted
}

impl RedactedPayload<'_> {
    fn copy_with(&mut self, range: Range<usize>, change: impl Fn(u8) -> u8) {
        let range = range.start.min(self.from.len())..range.end.min(self.from.len());
        let (Some(from), Some(to)) = (self.from.get(range.clone()), self.to.get_mut(range)) else {
            return;
        };
        for (to, from) in to.iter_mut().zip(from) {
            *to = change(*from);
        }
    }

    /// Copies the bytes of `range`.
    fn copy(&mut self, range: Range<usize>) {
        self.copy_with(range, |byte| byte);
    }

    /// Keeps whether each byte of `range` is zero.
    fn copy_nonzero(&mut self, range: Range<usize>) {
        self.copy_with(range, |byte| if byte == 0 { 0 } else { NONZERO });
    }

    fn field(&mut self, spot: &FieldRef<'_>, request: bool) {
        // In a request, this is leftover memory of the application.
        if request && matches!(spot.field.rule, FieldRule::Output) {
            return;
        }
        self.values(spot.field.ty, spot.at, spot.bytes.len());
    }

    fn tail(&mut self, tail: &ArrayRef<'_>, request: bool) {
        if request && matches!(tail.tail.rule, FieldRule::Output) {
            return;
        }
        match tail.tail.element {
            TailElement::Value(ty) => self.values(ty, tail.at, tail.bytes.len()),
            TailElement::Struct(_) => {
                for index in 0..tail.count {
                    for spot in tail.members(index) {
                        self.field(&spot, request);
                    }
                }
            }
        }
        for spot in tail.view_fields() {
            self.field(&spot, request);
        }
    }

    /// Redacts `length` bytes of values of type `ty`.
    fn values(&mut self, ty: FieldType, at: usize, length: usize) {
        let end = at.saturating_add(length);
        match ty {
            FieldType::Byte => {}
            FieldType::Utf16 => self.text(at..end),
            FieldType::Pointer => self.addresses(at..end),
            FieldType::U8
            | FieldType::U16
            | FieldType::U32
            | FieldType::U64
            | FieldType::I32
            | FieldType::Bool
            | FieldType::Handle(_)
            | FieldType::Event
            | FieldType::Enum(_)
            | FieldType::Flags16(_)
            | FieldType::Flags32(_)
            | FieldType::Flags64(_)
            | FieldType::NtStatus
            | FieldType::Luid
            | FieldType::Address => self.copy(at..end),
        }
    }

    /// Replaces text up to the first NUL. Everything after it is zeroed.
    fn text(&mut self, range: Range<usize>) {
        let (Some(from), Some(to)) = (self.from.get(range.clone()), self.to.get_mut(range)) else {
            return;
        };
        for (to, from) in to.chunks_exact_mut(2).zip(from.chunks_exact(2)) {
            if from == [0, 0] {
                return;
            }
            to.copy_from_slice(&TEXT_UNIT);
        }
    }

    fn addresses(&mut self, range: Range<usize>) {
        let (Some(from), Some(to)) = (self.from.get(range.clone()), self.to.get_mut(range)) else {
            return;
        };
        let (from, _) = from.as_chunks::<8>();
        for (to, from) in to.chunks_exact_mut(8).zip(from) {
            let other = (self.address)(u64::from_le_bytes(*from));
            to.copy_from_slice(&other.to_le_bytes());
        }
    }
}
