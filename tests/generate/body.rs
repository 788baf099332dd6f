//! The bytes of one part of a message, by walking its layout.
//!
//! Lengths come from the names in the description ([`TailLength`]), not from what the
//! decoder makes of them, so that the two can be compared.

use dxgtrace_protocol::schema::{
    Field, FieldRule, FieldType, Layout, Message, Struct, Tail, TailElement, TailLength, When,
};

use super::dice::Dice;
use super::{Counts, values};

/// A part of a message with what its lengths were made of.
#[derive(Debug, Clone)]
pub struct Body {
    /// The shape.
    pub layout: &'static Layout,
    /// The bytes from the layout's zero on.
    pub bytes: Vec<u8>,
    /// Where each tail begins and how many elements it has.
    pub tails: Vec<(usize, usize)>,
    /// Bytes that a driver counts on, where the part is a reply.
    pub expected: usize,
}

/// What a part is generated from.
pub struct Recipe<'a> {
    /// The message, for what its replies read of the request.
    pub message: &'static Message,
    /// The request, of which a reply depends.
    pub request: Option<&'a Body>,
    /// How large the counts should be.
    pub counts: Counts,
}

/// Bytes that all lengths of a message together may add.
const BUDGET: u64 = 100_000;

impl Body {
    /// Generates one part; the bytes before `layout.start` stay zero.
    pub fn new(layout: &'static Layout, recipe: &Recipe<'_>, dice: &mut Dice) -> Self {
        let mut body = Self {
            layout,
            bytes: vec![0; usize::from(layout.tails_at)],
            tails: Vec::new(),
            expected: 0,
        };
        if let Some(request) = recipe.request
            && layout.echo
        {
            body.repeat(request);
        }
        body.fixed(recipe, dice);
        let mut counted_on = 0;
        for tail in layout.tails {
            let at = body.bytes.len();
            let count = body.count(tail.len, recipe, dice);
            body.tails.push((at, count));
            let expected = tail.expects.map(|len| body.count(len, recipe, dice));
            counted_on += expected.unwrap_or(count) * usize::from(tail.element.size());
            let total = match tail.element {
                TailElement::Struct(_) => body.sum_to_reach(tail, recipe, dice),
                TailElement::Value(_) => None,
            };
            body.elements(tail, count, total, recipe, dice);
        }
        let end = body.rounded(body.bytes.len());
        body.bytes.resize(end, 0);
        body.expected = match layout.read {
            true => body.rounded(usize::from(layout.tails_at) + counted_on),
            false => 0,
        };
        body
    }

    /// The number in a field.
    pub fn get(&self, name: &str) -> u64 {
        match self.layout.fields.iter().find(|field| field.name == name) {
            Some(field) => get(&self.bytes, 0, field),
            None => 0,
        }
    }

    /// Takes over the request's fixed part, where a reply repeats it.
    fn repeat(&mut self, request: &Self) {
        for (byte, sent) in self.bytes.iter_mut().zip(&request.bytes) {
            *byte = *sent;
        }
    }

    fn fixed(&mut self, recipe: &Recipe<'_>, dice: &mut Dice) {
        let layout = self.layout;
        for field in layout.fields.iter().filter(|field| field.when.is_none()) {
            if let Some(request) = recipe.request
                && layout.echo
                && repeats(request.layout, field)
            {
                continue;
            }
            self.fill(field, recipe, dice);
        }
        for field in layout.fields {
            let applies = field
                .when
                .is_some_and(|when| self.holds(&when, recipe.request));
            if applies {
                self.fill(field, recipe, dice);
            }
        }
    }

    fn fill(&mut self, field: &'static Field, recipe: &Recipe<'_>, dice: &mut Dice) {
        match self.length_range(field, recipe) {
            Some((low, high)) => {
                let count = recipe.counts.choose(low, high, dice);
                put(&mut self.bytes, 0, field, count);
            }
            None => {
                let prefer = decided_values(self.layout, recipe.message, field.name);
                fill(&mut self.bytes, 0, field, &prefer, dice);
            }
        }
    }

    fn holds(&self, when: &When, request: Option<&Self>) -> bool {
        let value = match (when.of_request, request) {
            (true, Some(request)) => request.get(when.field),
            (true, None) => return false,
            (false, _) => self.get(when.field),
        };
        when.holds(value)
    }

    /// The counts that a field may hold, if it is one.
    fn length_range(&self, field: &Field, recipe: &Recipe<'_>) -> Option<(u64, u64)> {
        let mut bytes = 0;
        let mut room = u64::MAX;
        let mut others = 0;
        for tail in self.layout.tails {
            if names(tail.len, field.name) {
                bytes += u64::from(tail.element.size());
            } else {
                others += 1;
            }
        }
        for other in self.layout.fields {
            if other.used == Some(field.name) {
                room = u64::from(other.count);
                bytes += 1;
            }
        }
        let replies = recipe.message.replies.iter().flatten();
        if recipe.request.is_none() {
            let tails = replies.flat_map(|reply| reply.layout.tails);
            bytes += tails
                .filter(|tail| names_request(tail.len, field.name))
                .map(|tail| u64::from(tail.element.size()))
                .max()
                .unwrap_or(0);
        }
        if bytes == 0 {
            return None;
        }
        let budget = match self.layout.total {
            Some(total) => u64::from(total) - u64::from(self.layout.tails_at),
            None => BUDGET / (others + 1),
        };
        let high = room.min(budget / bytes);
        Some(match field.rule {
            FieldRule::Range(low, limit) => (low, high.min(limit)),
            _ => (0, high),
        })
    }

    fn count(&self, len: TailLength, recipe: &Recipe<'_>, dice: &mut Dice) -> usize {
        let asked = |name| recipe.request.map_or(0, |request| request.get(name));
        let count = match len {
            TailLength::Field(name) => self.get(name),
            TailLength::FieldOrOne(name) => self.get(name).max(1),
            TailLength::FieldIfRoom(name) => match dice.one_in(2) {
                true => self.get(name),
                false => 0,
            },
            TailLength::SumOf(tail, member) => self.sum(tail, member),
            TailLength::Fill => {
                u64::from(self.layout.total.unwrap_or(0)).saturating_sub(self.bytes.len() as u64)
            }
            TailLength::ResultArea {
                head,
                element,
                count,
            } => {
                let count = self.get(count).max(1);
                (u64::from(head) + u64::from(element) * count).next_multiple_of(8)
            }
            TailLength::Request(name) => asked(name),
            TailLength::RequestOrOne(name) => asked(name).max(1),
            TailLength::RequestIf(name, flag) => match asked(flag) {
                0 => 0,
                _ => asked(name),
            },
            TailLength::RequestSumOf(tail, member) => recipe
                .request
                .map_or(0, |request| request.sum(tail, member)),
        };
        count as usize
    }

    /// The sum of a member over the elements of a tail.
    fn sum(&self, tail: &str, member: &str) -> u64 {
        let place = self.layout.tails.iter().position(|one| one.name == tail);
        let Some(((tail, structure, member), (at, count))) = place.and_then(|place| {
            let tail = self.layout.tails.get(place)?;
            let structure = structure_of(tail)?;
            let member = structure.fields.iter().find(|one| one.name == member)?;
            Some(((tail, structure, member), *self.tails.get(place)?))
        }) else {
            return 0;
        };
        debug_assert_eq!(tail.element.size(), structure.size);
        (0..count)
            .map(|index| {
                get(
                    &self.bytes,
                    at + index * usize::from(structure.size),
                    member,
                )
            })
            .sum()
    }

    /// The member of a tail's elements that gives the length of a later tail,
    /// and what it must add up to.
    fn sum_to_reach(
        &self,
        tail: &Tail,
        recipe: &Recipe<'_>,
        dice: &mut Dice,
    ) -> Option<(&'static str, u64)> {
        let replies = recipe.message.replies.iter().flatten();
        let theirs = replies.flat_map(|reply| reply.layout.tails);
        let own = self.layout.tails.iter();
        own.chain(theirs).find_map(|later| match later.len {
            TailLength::SumOf(name, member) if name == tail.name => Some(match later.expects {
                Some(len) => (member, self.count(len, recipe, dice) as u64),
                None => (member, recipe.counts.choose(0, BUDGET / 4, dice)),
            }),
            _ => None,
        })
    }

    fn elements(
        &mut self,
        tail: &'static Tail,
        count: usize,
        total: Option<(&'static str, u64)>,
        recipe: &Recipe<'_>,
        dice: &mut Dice,
    ) {
        let start = self.bytes.len();
        let size = usize::from(tail.element.size());
        match tail.element {
            TailElement::Value(FieldType::Byte) => {
                self.bytes.extend(dice.bytes(count));
                self.view(tail, start, recipe, dice);
            }
            TailElement::Value(ty) => {
                let most = u64::MAX >> (64 - 8 * size);
                for _ in 0..count {
                    let value = values::of_type(ty, most, dice).to_le_bytes();
                    self.bytes.extend_from_slice(&value[..size]);
                }
            }
            TailElement::Struct(structure) => {
                self.bytes.resize(start + count * size, 0);
                let mut left = total.map_or(0, |(_, total)| total);
                for index in 0..count {
                    let at = start + index * size;
                    members(&mut self.bytes, at, structure, dice);
                    if let Some((member, _)) = total
                        && let Some(field) = structure.fields.iter().find(|one| one.name == member)
                    {
                        let last = index + 1 == count;
                        let share = if last { left } else { dice.between(0, left) };
                        put(&mut self.bytes, at, field, share);
                        left -= share;
                    }
                }
            }
        }
    }

    /// Writes the structure with which opaque data begin, if they do.
    fn view(&mut self, tail: &Tail, start: usize, recipe: &Recipe<'_>, dice: &mut Dice) {
        if let Some((structure, when)) = &tail.view
            && self.holds(when, recipe.request)
            && self.bytes.len() - start >= usize::from(structure.size)
        {
            members(&mut self.bytes, start, structure, dice);
        }
    }

    /// The length of the part when the tails end at `end`.
    fn rounded(&self, end: usize) -> usize {
        let layout = self.layout;
        let end = (end + usize::from(layout.slack)).max(usize::from(layout.min));
        match layout.total {
            Some(total) => total as usize,
            None if layout.round8 => end.next_multiple_of(8),
            None => end,
        }
    }
}

/// Whether a reply that repeats the request leaves a field as it was sent.
fn repeats(request: &Layout, field: &Field) -> bool {
    request
        .fields
        .iter()
        .any(|sent| sent.name == field.name && matches!(sent.rule, FieldRule::Any))
}

/// Whether a length is told by the field of that name.
fn names(len: TailLength, name: &str) -> bool {
    match len {
        TailLength::Field(field)
        | TailLength::FieldOrOne(field)
        | TailLength::FieldIfRoom(field) => field == name,
        TailLength::ResultArea { count, .. } => count == name,
        _ => false,
    }
}

/// Whether a reply's length is told by the request's field of that name.
fn names_request(len: TailLength, name: &str) -> bool {
    match len {
        TailLength::Request(field)
        | TailLength::RequestOrOne(field)
        | TailLength::RequestIf(field, _) => field == name,
        _ => false,
    }
}

/// The values of a field on which other parts of the message depend.
fn decided_values(layout: &Layout, message: &Message, name: &str) -> Vec<u64> {
    let own = layout.fields.iter().filter_map(|field| field.when);
    let views = layout.tails.iter().filter_map(|tail| tail.view);
    let replies = message.replies.iter().flatten();
    let theirs = replies
        .flat_map(|reply| reply.layout.fields)
        .filter_map(|field| field.when)
        .filter(|when| when.of_request);
    own.filter(|when| !when.of_request)
        .chain(views.map(|(_, when)| when))
        .chain(theirs)
        .filter(|when| when.field == name && when.mask == u64::MAX)
        .flat_map(|when| when.values)
        .copied()
        .collect()
}

fn structure_of(tail: &Tail) -> Option<&'static Struct> {
    match tail.element {
        TailElement::Struct(structure) => Some(structure),
        TailElement::Value(_) => None,
    }
}

/// Fills a structure at `at`: first what stands for itself, then what depends
/// on it.
fn members(bytes: &mut [u8], at: usize, structure: &'static Struct, dice: &mut Dice) {
    bytes[at..at + usize::from(structure.size)].fill(0);
    for field in structure.fields.iter().filter(|field| field.when.is_none()) {
        let prefer: Vec<u64> = structure
            .fields
            .iter()
            .filter_map(|other| other.when)
            .filter(|when| when.field == field.name)
            .flat_map(|when| when.values)
            .copied()
            .collect();
        fill(bytes, at, field, &prefer, dice);
    }
    for field in structure.fields {
        let applies = field.when.is_some_and(|when| {
            let selector = structure.fields.iter().find(|one| one.name == when.field);
            selector.is_some_and(|selector| when.holds(get(bytes, at, selector)))
        });
        if applies {
            fill(bytes, at, field, &[], dice);
        }
    }
}

/// Fills a field, all elements of it.
fn fill(bytes: &mut [u8], base: usize, field: &Field, prefer: &[u64], dice: &mut Dice) {
    if field.count == 1 {
        let value = values::number(field, prefer, dice);
        return put(bytes, base, field, value);
    }
    let size = usize::from(field.ty.size());
    let used = match field.ty {
        // Text ends with a NUL, and zeros follow.
        FieldType::Utf16 => dice.between(0, u64::from(field.count) - 1),
        _ => u64::from(field.count),
    };
    for index in 0..used as usize {
        let at = base + usize::from(field.at) + index * size;
        let value = values::number(field, prefer, dice).to_le_bytes();
        bytes[at..at + size].copy_from_slice(&value[..size]);
    }
}

/// Reads a field of one value.
pub fn get(bytes: &[u8], base: usize, field: &Field) -> u64 {
    let word = word(bytes, base, field);
    match field.bits {
        Some((shift, _)) => (word & field.mask()) >> shift,
        None => word,
    }
}

/// Writes a field of one value.
pub fn put(bytes: &mut [u8], base: usize, field: &Field, value: u64) {
    let shift = field.bits.map_or(0, |(shift, _)| shift);
    let kept = word(bytes, base, field) & !field.mask();
    let value = (kept | (value << shift & field.mask())).to_le_bytes();
    let (at, size) = (base + usize::from(field.at), usize::from(field.ty.size()));
    bytes[at..at + size].copy_from_slice(&value[..size]);
}

fn word(bytes: &[u8], base: usize, field: &Field) -> u64 {
    let (at, size) = (base + usize::from(field.at), usize::from(field.ty.size()));
    let mut raw = [0; 8];
    raw[..size].copy_from_slice(&bytes[at..at + size]);
    u64::from_le_bytes(raw)
}
