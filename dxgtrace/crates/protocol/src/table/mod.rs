//! The description: every message, both framings, every named value, once.
//!
//! Decoder, checks, filters, JSON, the Lua dissector, the reference and the
//! test packets walk this; nothing else in the program lists a message.

mod catalog;
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

pub use catalog::{Catalog, PLACES, place};

use crate::schema::{Message, MessageSet, values};

/// Every message that is known of the protocol.
pub static CATALOG: Catalog = Catalog::new(messages::FAMILIES);

/// Every message, family by family.
pub fn all() -> impl Iterator<Item = &'static Message> {
    CATALOG.all()
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
    CATALOG.lookup(set, id)
}

/// The message of that name.
pub fn by_name(name: &str) -> Option<&'static Message> {
    CATALOG.by_name(name)
}

/// The named status with this value.
pub fn status(value: u32) -> Option<&'static values::NamedStatus> {
    statuses::STATUSES
        .binary_search_by_key(&value, |status| status.value)
        .ok()
        .and_then(|at| statuses::STATUSES.get(at))
}

/// The message at a place of [`CATALOG`].
pub fn at_place(place: usize) -> Option<&'static Message> {
    CATALOG.at_place(place)
}
