//! The values of one part of a message, chosen by walking its layout, and the
//! bytes that [`dxgtrace_protocol::encode`] makes of them.
//!
//! Lengths come from the names in the description ([`TailLength`]), not from what
//! encoder or decoder make of them, so that they can be compared.

use dxgtrace_protocol::encode::{EncodedMessage, MessageBuilder};
use dxgtrace_protocol::schema::{
    Field, FieldRule, FieldType, Layout, Message, Struct, Tail, TailElement, TailLength, When,
};

use super::dice::Dice;
use super::{Counts, values};

/// A part of a message with what was chosen for it.
#[derive(Debug, Clone)]
pub struct Body {
    /// The shape.
    pub layout: &'static Layout,
    /// The bytes from the layout's zero on.
    pub bytes: Vec<u8>,
    /// The fields that apply, in the order in which they were chosen.
    pub fields: Vec<ChosenField>,
    /// Where each tail begins and how many elements it has.
    pub tails: Vec<(usize, usize)>,
    /// What each tail holds.
    pub contents: Vec<TailContent>,
    /// Bytes that a driver counts on, where the part is a reply.
    pub expected: usize,
}

/// A field and its value: the numbers of its elements, one unless it is an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenField {
    /// The field's name.
    pub name: &'static str,
    /// The numbers.
    pub numbers: Vec<u64>,
    /// Whether the host leaves there what the request held.
    pub repeated: bool,
}

/// A member of a structure and its value.
pub type ChosenMember = (&'static str, Vec<u64>);

/// What a tail holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailContent {
    /// Single values.
    Numbers(Vec<u64>),
    /// Opaque bytes, and the members of the structure that they begin with.
    Bytes(Vec<u8>, Vec<ChosenMember>),
    /// The members of each structure.
    Structs(Vec<Vec<ChosenMember>>),
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
    /// Chooses the values of one part; it has no bytes yet.
    pub fn choose(layout: &'static Layout, recipe: &Recipe<'_>, dice: &mut Dice) -> Self {
        let mut body = Self {
            layout,
            bytes: Vec::new(),
            fields: Vec::new(),
            tails: Vec::new(),
            contents: Vec::new(),
            expected: 0,
        };
        body.fixed(recipe, dice);
        let (mut at, mut counted_on) = (usize::from(layout.tails_at), 0);
        for tail in layout.tails {
            let count = body.count(tail.len, at, recipe, dice);
            body.tails.push((at, count));
            let size = usize::from(tail.element.size());
            let expected = tail
                .expected_len
                .map(|len| body.count(len, at, recipe, dice));
            counted_on += expected.unwrap_or(count) * size;
            let content = match tail.element {
                TailElement::Value(FieldType::Byte) => body.opaque(tail, count, recipe, dice),
                TailElement::Value(ty) => {
                    let most = u64::MAX >> (64 - 8 * size);
                    let numbers = (0..count).map(|_| values::of_type(ty, most, dice));
                    TailContent::Numbers(numbers.collect())
                }
                TailElement::Struct(structure) => {
                    let total = body.sum_to_reach(tail, at, recipe, dice);
                    TailContent::Structs(structs(structure, count, total, dice))
                }
            };
            body.contents.push(content);
            at += count * size;
        }
        body.expected = match layout.is_read {
            true => body.rounded(usize::from(layout.tails_at) + counted_on),
            false => 0,
        };
        body
    }

    /// Gives the values to a builder by their names, but for those that a reply
    /// repeats.
    pub fn give_to(&self, mut builder: MessageBuilder) -> MessageBuilder {
        for field in self.fields.iter().filter(|field| !field.repeated) {
            builder = builder.set(field.name, &field.numbers);
        }
        for (tail, content) in self.layout.tails.iter().zip(&self.contents) {
            builder = match content {
                TailContent::Numbers(numbers) => builder.set(tail.name, numbers),
                TailContent::Bytes(bytes, members) => {
                    let mut builder = builder.set(tail.name, bytes);
                    for (member, numbers) in members {
                        builder = builder.set(&format!("{}.{member}", tail.name), numbers);
                    }
                    builder
                }
                TailContent::Structs(elements) => elements.iter().fold(builder, |builder, one| {
                    let members = one.iter().map(|(name, numbers)| (*name, numbers));
                    builder.add_element(tail.name, members)
                }),
            };
        }
        builder
    }

    /// Takes over what the values were encoded to.
    pub fn encoded(&mut self, encoded: &EncodedMessage, base: usize) {
        self.bytes = encoded.payload[base..].to_vec();
    }

    /// The number in a field, 0 if the field does not apply.
    pub fn get(&self, name: &str) -> u64 {
        let field = self.fields.iter().find(|field| field.name == name);
        field.map_or(0, |field| field.numbers[0])
    }

    fn fixed(&mut self, recipe: &Recipe<'_>, dice: &mut Dice) {
        let layout = self.layout;
        for field in layout.fields.iter().filter(|field| field.when.is_none()) {
            let repeated = recipe
                .request
                .filter(|_| layout.is_echo)
                .and_then(|request| {
                    let sent = request.fields.iter().find(|sent| sent.name == field.name);
                    sent.filter(|_| repeats(request.layout, field))
                });
            match repeated {
                Some(sent) => self.fields.push(ChosenField {
                    repeated: true,
                    ..sent.clone()
                }),
                None => self.fill(field, recipe, dice),
            }
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
        let numbers = match self.length_range(field, recipe) {
            Some((low, high)) => vec![recipe.counts.choose(low, high, dice)],
            None => {
                let prefer = decided_values(self.layout, recipe.message, field.name);
                numbers(field, &prefer, dice)
            }
        };
        self.fields.push(ChosenField {
            name: field.name,
            numbers,
            repeated: false,
        });
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
            if other
                .used_count
                .is_some_and(|used| used.field == field.name)
            {
                room = u64::from(other.count);
                bytes += 1;
            }
        }
        let replies = recipe.message.replies.layouts();
        if recipe.request.is_none() {
            let tails = replies.flat_map(|reply| reply.tails);
            bytes += tails
                .filter(|tail| names_request(tail.len, field.name))
                .map(|tail| u64::from(tail.element.size()))
                .max()
                .unwrap_or(0);
        }
        if bytes == 0 {
            return None;
        }
        let budget = match self.layout.fixed_total {
            Some(total) => u64::from(total) - u64::from(self.layout.tails_at),
            None => BUDGET / (others + 1),
        };
        let high = room.min(budget / bytes);
        Some(match field.rule {
            FieldRule::Range(low, limit) => (low, high.min(limit)),
            _ => (0, high),
        })
    }

    /// How many elements a tail that begins at `at` has.
    fn count(&self, len: TailLength, at: usize, recipe: &Recipe<'_>, dice: &mut Dice) -> usize {
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
                u64::from(self.layout.fixed_total.unwrap_or(0)).saturating_sub(at as u64)
            }
            TailLength::ResultArea {
                head,
                element,
                count,
            } => {
                let count = self.get(count).max(1);
                (u64::from(head) + u64::from(element) * count).next_multiple_of(8)
            }
            TailLength::Request(name) | TailLength::RequestWord(name) => asked(name),
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
        match place.and_then(|place| self.contents.get(place)) {
            Some(TailContent::Structs(elements)) => elements
                .iter()
                .flatten()
                .filter(|(name, _)| *name == member)
                .map(|(_, numbers)| numbers[0])
                .sum(),
            _ => 0,
        }
    }

    /// The member of a tail's elements that gives the length of a later tail,
    /// and what it must add up to.
    fn sum_to_reach(
        &self,
        tail: &Tail,
        at: usize,
        recipe: &Recipe<'_>,
        dice: &mut Dice,
    ) -> Option<(&'static str, u64)> {
        let replies = recipe.message.replies.layouts();
        let theirs = replies.flat_map(|reply| reply.tails);
        let own = self.layout.tails.iter();
        own.chain(theirs).find_map(|later| match later.len {
            TailLength::SumOf(name, member) if name == tail.name => {
                Some(match later.expected_len {
                    Some(len) => (member, self.count(len, at, recipe, dice) as u64),
                    None => (member, recipe.counts.choose(0, BUDGET / 4, dice)),
                })
            }
            _ => None,
        })
    }

    /// Opaque bytes, with the structure that they begin with, if they do.
    fn opaque(
        &self,
        tail: &Tail,
        count: usize,
        recipe: &Recipe<'_>,
        dice: &mut Dice,
    ) -> TailContent {
        let mut bytes = dice.bytes(count);
        let view = tail.view.as_ref().filter(|(structure, when)| {
            self.holds(when, recipe.request) && count >= usize::from(structure.size)
        });
        let members = match view {
            Some((structure, _)) => {
                bytes[..usize::from(structure.size)].fill(0);
                members(structure, dice)
            }
            None => Vec::new(),
        };
        TailContent::Bytes(bytes, members)
    }

    /// The length of the part when the tails end at `end`.
    fn rounded(&self, end: usize) -> usize {
        let layout = self.layout;
        let end = (end + usize::from(layout.slack)).max(usize::from(layout.min_total));
        match layout.fixed_total {
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
    let replies = message.replies.layouts();
    let theirs = replies
        .flat_map(|reply| reply.fields)
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

/// The structures of a tail. `total` is a member and what it must add up to.
fn structs(
    structure: &'static Struct,
    count: usize,
    total: Option<(&'static str, u64)>,
    dice: &mut Dice,
) -> Vec<Vec<ChosenMember>> {
    let mut left = total.map_or(0, |(_, total)| total);
    let mut elements = Vec::with_capacity(count);
    for index in 0..count {
        let mut element = members(structure, dice);
        if let Some((summed, _)) = total
            && let Some((_, numbers)) = element.iter_mut().find(|(name, _)| *name == summed)
        {
            let last = index + 1 == count;
            let share = if last { left } else { dice.between(0, left) };
            *numbers = vec![share];
            left -= share;
        }
        elements.push(element);
    }
    elements
}

/// The members of a structure that apply: first what stands for itself, then
/// what depends on it.
fn members(structure: &'static Struct, dice: &mut Dice) -> Vec<ChosenMember> {
    let mut members: Vec<ChosenMember> = Vec::new();
    for field in structure.fields.iter().filter(|field| field.when.is_none()) {
        let prefer: Vec<u64> = structure
            .fields
            .iter()
            .filter_map(|other| other.when)
            .filter(|when| when.field == field.name)
            .flat_map(|when| when.values)
            .copied()
            .collect();
        members.push((field.name, numbers(field, &prefer, dice)));
    }
    for field in structure.fields {
        let applies = field.when.is_some_and(|when| {
            let selector = members.iter().find(|(name, _)| *name == when.field);
            selector.is_some_and(|(_, numbers)| when.holds(numbers[0]))
        });
        if applies {
            members.push((field.name, numbers(field, &[], dice)));
        }
    }
    members
}

/// The numbers of all elements of a field.
fn numbers(field: &Field, prefer: &[u64], dice: &mut Dice) -> Vec<u64> {
    if field.count == 1 {
        return vec![values::number(field, prefer, dice)];
    }
    let used = match field.ty {
        // Text ends with a NUL, and zeros follow.
        FieldType::Utf16 => dice.between(0, u64::from(field.count) - 1),
        _ => u64::from(field.count),
    };
    let mut numbers: Vec<u64> = (0..used)
        .map(|_| values::number(field, prefer, dice))
        .collect();
    numbers.resize(usize::from(field.count), 0);
    numbers
}
