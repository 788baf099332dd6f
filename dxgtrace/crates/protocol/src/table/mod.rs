//! The description: every message, both framings, every named value, once.
//!
//! Decoder, checks, filters, JSON, the Lua dissector, the reference and the
//! test packets walk this; nothing else in the program lists a message.

pub mod enums;
pub mod errno;
pub mod flags;
pub mod framing;
pub mod guid;
pub mod ioctls;
mod messages;
mod named;
pub mod statuses;
pub mod structs;

use crate::schema::{Message, MessageSet, text, values};

/// Every message, family by family.
pub fn all() -> impl Iterator<Item = &'static Message> {
    messages::FAMILIES.iter().flat_map(|family| family.iter())
}

/// How many messages there are.
pub const COUNT: usize = {
    let mut count = 0;
    let mut i = 0;
    while i < messages::FAMILIES.len() {
        count += messages::FAMILIES[i].len();
        i += 1;
    }
    count
};

/// The message with this number in a set.
pub fn lookup(set: MessageSet, id: u32) -> Option<&'static Message> {
    slot(set, id).and_then(|(base, slot)| at_place(base + slot))
}

/// The message of that name.
pub fn by_name(name: &str) -> Option<&'static Message> {
    all().find(|message| message.name == name)
}

/// The named status with this value.
pub fn status(value: u32) -> Option<&'static values::NamedStatus> {
    statuses::STATUSES
        .binary_search_by_key(&value, |status| status.value)
        .ok()
        .and_then(|at| statuses::STATUSES.get(at))
}

/// How many places [`place`] can name.
pub const PLACES: usize = 3 * ROOM;

/// A number below [`PLACES`] that belongs to this message alone: what tables
/// by message are indexed with.
pub fn place(message: &Message) -> Option<usize> {
    slot(message.set, message.id).map(|(base, slot)| base + slot)
}

/// The message at a place.
pub fn at_place(place: usize) -> Option<&'static Message> {
    let (family, at) = *INDEX.get(place)?;
    messages::FAMILIES
        .get(usize::from(family))?
        .get(usize::from(at))
}

/// Room in the index for each set: vGPU ids from 0, global ids from
/// [`GLOBAL_BASE`], host ids from 0.
const ROOM: usize = 128;
/// The first number of the global set.
const GLOBAL_BASE: u32 = 1000;
/// Marks an unused number in the index.
const UNUSED: (u8, u8) = (u8::MAX, u8::MAX);

const fn slot(set: MessageSet, id: u32) -> Option<(usize, usize)> {
    let first = match set {
        MessageSet::Global => GLOBAL_BASE,
        MessageSet::Vgpu | MessageSet::Host => 0,
    };
    if id < first || id - first >= ROOM as u32 {
        return None;
    }
    Some((set as usize * ROOM, (id - first) as usize))
}

/// (family, place in it) of every number of every set.
static INDEX: [(u8, u8); PLACES] = {
    let mut index = [UNUSED; PLACES];
    let mut family = 0;
    while family < messages::FAMILIES.len() {
        let mut place = 0;
        while place < messages::FAMILIES[family].len() {
            let message = &messages::FAMILIES[family][place];
            match slot(message.set, message.id) {
                Some((base, slot)) => {
                    if index[base + slot].0 != UNUSED.0 {
                        text::stop(message.name, "has a number that is taken in", "its set");
                    }
                    index[base + slot] = (family as u8, place as u8);
                }
                None => text::stop(message.name, "has a number outside of", "its set"),
            }
            place += 1;
        }
        family += 1;
    }
    index
};
