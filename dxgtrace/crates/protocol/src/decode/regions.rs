//! What every byte of a payload belongs to.

use super::{Decoded, LocatedBody, MessagePart};
use crate::schema::{Field, Tail};

/// What some bytes of a payload belong to.
#[derive(Debug, Clone, Copy)]
pub enum RegionOwner {
    /// A field of a header. Bit fields of one word share its bytes: this is
    /// the first of them.
    Header(&'static Field),
    /// A field of the body, likewise.
    Field(&'static Field),
    /// An array behind the fixed part.
    Tail(&'static Tail),
    /// No field: the compiler aligned the next one.
    Padding,
    /// Only such meanings as do not apply in this message.
    Idle,
    /// The unused bytes behind the last tail that belong to the message.
    Unused,
    /// The ring, which rounds lengths up to 8.
    Ring,
    /// A message or part whose layout is not public.
    Opaque,
    /// Tails that cannot be placed, since their counts were not captured.
    Unplaced,
    /// Nothing that is known: bytes behind the end of the message.
    Excess,
}

/// Bytes in a row with the same owner.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// What they belong to.
    pub owner: RegionOwner,
    /// Offset in the payload.
    pub at: usize,
    /// How many; captured or not.
    pub length: usize,
}

impl<'a> Decoded<'a> {
    /// What the bytes of the payload belong to, from the first to the last
    /// that travelled, without gap or overlap.
    pub fn spans(&self) -> impl Iterator<Item = Region> + use<'a> {
        let decoded = *self;
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= decoded.payload.length {
                return None;
            }
            let (owner, end) = decoded.owner(at);
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

    /// The owner of the byte at `at`, and where its bytes end.
    fn owner(&self, at: usize) -> (RegionOwner, usize) {
        for header in self.headers() {
            let end = header.base + usize::from(header.layout.size);
            if (header.base..end).contains(&at) {
                let (owner, end) = fixed(&header, at - header.base);
                let owner = match owner {
                    RegionOwner::Field(field) => RegionOwner::Header(field),
                    other => other,
                };
                return (owner, header.base + end);
            }
        }
        let Some(body) = self.body.as_ref().filter(|body| body.layout.read) else {
            return (RegionOwner::Opaque, usize::MAX);
        };
        let inside = at - self.base;
        let (owner, end) = if inside < usize::from(body.layout.tails_at) {
            fixed(body, inside)
        } else {
            self.behind(body, inside)
        };
        (owner, end.saturating_add(self.base))
    }

    /// The owner of a byte behind the fixed part.
    fn behind(&self, body: &LocatedBody<'a>, at: usize) -> (RegionOwner, usize) {
        for (tail, span) in body.placed() {
            let size = usize::from(tail.element.size());
            let end = span.at.saturating_add(span.count.saturating_mul(size));
            if (span.at..end).contains(&at) {
                return (RegionOwner::Tail(tail), end);
            }
        }
        let Some(described) = body.described else {
            return (RegionOwner::Unplaced, usize::MAX);
        };
        let end = usize::try_from(described).unwrap_or(usize::MAX);
        if at < end {
            return (RegionOwner::Unused, end);
        }
        let rounded = end.checked_next_multiple_of(8).unwrap_or(usize::MAX);
        let on_ring = !self.payload.exact || self.part == MessagePart::Reply;
        if on_ring && at < rounded {
            (RegionOwner::Ring, rounded)
        } else {
            (RegionOwner::Excess, usize::MAX)
        }
    }
}

/// The owner of the byte at `at` of a fixed part, and where its bytes end.
fn fixed(body: &LocatedBody<'_>, at: usize) -> (RegionOwner, usize) {
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
    (RegionOwner::Idle, end)
}
