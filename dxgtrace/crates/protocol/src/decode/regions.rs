//! Divides a payload into regions by what the bytes belong to.

use super::{Decoded, LocatedBody, MessagePart};
use crate::schema::{Field, Tail};

/// What a region of a payload belongs to.
#[derive(Debug, Clone, Copy)]
pub enum RegionOwner {
    /// A field of a header. For bit fields that share a word, the first of them.
    Header(&'static Field),
    /// A field of the body. For bit fields that share a word, the first of them.
    Field(&'static Field),
    /// An array after the fixed part.
    Tail(&'static Tail),
    /// Padding between fields.
    Padding,
    /// Alternatives that do not apply in this message.
    InactiveAlternative,
    /// Unused bytes of the message after the last tail.
    Unused,
    /// Padding of the VMBus ring, which rounds lengths up to a multiple of 8.
    RingPadding,
    /// A message or part whose layout is not public.
    Opaque,
    /// Tails that cannot be located because their counts were not captured.
    UnlocatedTails,
    /// Bytes after the end of the message.
    Trailing,
}

/// A run of bytes with the same owner.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// What the bytes belong to.
    pub owner: RegionOwner,
    /// Offset in the payload.
    pub at: usize,
    /// Length in bytes, captured or not.
    pub length: usize,
}

impl<'a> Decoded<'a> {
    /// The regions of the payload, in order, without gap or overlap. They cover its
    /// whole length, captured or not.
    pub fn regions(&self) -> impl Iterator<Item = Region> + use<'a> {
        let decoded = *self;
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= decoded.payload.length {
                return None;
            }
            let (owner, end) = decoded.region_owner(at);
            let end = end.clamp(at + 1, decoded.payload.length);
            let region = Region {
                owner,
                at,
                length: end - at,
            };
            at = end;
            Some(region)
        })
    }

    /// The owner of the byte at `at`, and the end of its region.
    fn region_owner(&self, at: usize) -> (RegionOwner, usize) {
        for header in self.headers() {
            let end = header.base + usize::from(header.layout.size);
            if (header.base..end).contains(&at) {
                let (owner, end) = owner_in_fixed(&header, at - header.base);
                let owner = match owner {
                    RegionOwner::Field(field) => RegionOwner::Header(field),
                    other => other,
                };
                return (owner, header.base + end);
            }
        }
        let Some(body) = self.body.as_ref().filter(|body| body.layout.is_read) else {
            return (RegionOwner::Opaque, usize::MAX);
        };
        let inside = at - self.base;
        let (owner, end) = if inside < usize::from(body.layout.tails_at) {
            owner_in_fixed(body, inside)
        } else {
            self.owner_after_fixed(body, inside)
        };
        (owner, end.saturating_add(self.base))
    }

    /// The owner of the byte at `at` after the fixed part, and the end of its region.
    fn owner_after_fixed(&self, body: &LocatedBody<'a>, at: usize) -> (RegionOwner, usize) {
        for (tail, span) in body.located_tails() {
            let size = usize::from(tail.element.size());
            let end = span.at.saturating_add(span.count.saturating_mul(size));
            if (span.at..end).contains(&at) {
                return (RegionOwner::Tail(tail), end);
            }
        }
        let Some(described) = body.described else {
            return (RegionOwner::UnlocatedTails, usize::MAX);
        };
        let end = usize::try_from(described).unwrap_or(usize::MAX);
        if at < end {
            return (RegionOwner::Unused, end);
        }
        let rounded = end.checked_next_multiple_of(8).unwrap_or(usize::MAX);
        let on_ring = !self.payload.exact || self.part == MessagePart::Reply;
        if on_ring && at < rounded {
            (RegionOwner::RingPadding, rounded)
        } else {
            (RegionOwner::Trailing, usize::MAX)
        }
    }
}

/// The owner of the byte at `at` in a fixed part, and the end of its region.
fn owner_in_fixed(body: &LocatedBody<'_>, at: usize) -> (RegionOwner, usize) {
    let mut end = usize::from(body.layout.tails_at);
    for field in body.layout.fields {
        let applies = field.when.as_ref().is_none_or(|when| body.holds(when));
        let (start, stop) = (usize::from(field.at), usize::from(field.end()));
        if !applies || stop <= at {
            continue;
        }
        if start <= at {
            return (RegionOwner::Field(field), stop);
        }
        end = end.min(start);
    }
    for (start, length) in body.layout.gaps {
        let (start, stop) = (usize::from(start), usize::from(start + length));
        if (start..stop).contains(&at) {
            return (RegionOwner::Padding, stop);
        }
        if start > at {
            end = end.min(start);
        }
    }
    (RegionOwner::InactiveAlternative, end)
}
