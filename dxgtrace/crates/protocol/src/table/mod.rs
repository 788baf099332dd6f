//! The table: every message, both framings and every named value, once.
//!
//! Decoder, checks, filters, JSON, the Lua dissector, the reference and the tests use
//! this table. No other code lists messages.

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

pub use catalog::{Catalog, INDEX_SIZE, catalog_index};

use crate::schema::{Message, MessageSet, values};

/// All known messages of the protocol.
pub static CATALOG: Catalog = Catalog::new(messages::FAMILIES);

/// All messages, family by family.
pub fn all() -> impl Iterator<Item = &'static Message> {
    CATALOG.all()
}

/// The number of messages.
pub const COUNT: usize = {
    let mut count = 0;
    let mut i = 0;
    while i < messages::FAMILIES.len() {
        count += messages::FAMILIES[i].len();
        i += 1;
    }
    count
};

/// The message with the number `id` in `set`.
pub fn lookup(set: MessageSet, id: u32) -> Option<&'static Message> {
    CATALOG.lookup(set, id)
}

/// The message called `name`.
pub fn by_name(name: &str) -> Option<&'static Message> {
    CATALOG.by_name(name)
}

/// The named status with the value `value`.
pub fn status(value: u32) -> Option<&'static values::NamedStatus> {
    statuses::STATUSES
        .binary_search_by_key(&value, |status| status.value)
        .ok()
        .and_then(|at| statuses::STATUSES.get(at))
}

/// The message of [`CATALOG`] with the [`catalog_index`] `place`.
pub fn by_index(place: usize) -> Option<&'static Message> {
    CATALOG.by_index(place)
}
