//! A table of messages, with an index by number.

use crate::schema::text::fail_build;
use crate::schema::{Message, MessageSet};

/// A table of messages. The built-in one is [`CATALOG`](super::CATALOG). Decoder,
/// encoder and exporters also take others, with more or changed messages.
#[derive(Debug)]
pub struct Catalog {
    families: &'static [&'static [Message]],
    /// Family and position in the family, by [`catalog_index`].
    index: [(u8, u8); INDEX_SIZE],
}

/// The number of indices: [`catalog_index`] is below it.
pub const INDEX_SIZE: usize = 3 * INDEX_SIZE_PER_SET;
/// The number of indices per set: vGPU and host ids from 0, global ids from
/// [`GLOBAL_BASE`].
const INDEX_SIZE_PER_SET: usize = 128;
/// The first number of the global set.
const GLOBAL_BASE: u32 = 1000;
/// Marks an unused index.
const NO_MESSAGE: (u8, u8) = (u8::MAX, u8::MAX);

impl Catalog {
    /// Checks families of messages and makes a table of them.
    pub const fn new(families: &'static [&'static [Message]]) -> Self {
        let mut index = [NO_MESSAGE; INDEX_SIZE];
        let mut family = 0;
        while family < families.len() {
            let mut at = 0;
            while at < families[family].len() {
                let message = &families[family][at];
                message.check_forms();
                match index_of(message.set, message.id) {
                    Some(slot) => {
                        if index[slot].0 != NO_MESSAGE.0 {
                            fail_build(message.name, "has a number that is taken in", "its set");
                        }
                        index[slot] = (family as u8, at as u8);
                    }
                    None => fail_build(message.name, "has a number outside of", "its set"),
                }
                at += 1;
            }
            family += 1;
        }
        Self { families, index }
    }

    /// All messages, family by family.
    pub fn all(&self) -> impl Iterator<Item = &'static Message> + use<> {
        self.families.iter().flat_map(|family| family.iter())
    }

    /// The message with the number `id` in `set`.
    pub fn lookup(&self, set: MessageSet, id: u32) -> Option<&'static Message> {
        index_of(set, id).and_then(|slot| self.by_index(slot))
    }

    /// The message called `name`.
    pub fn by_name(&self, name: &str) -> Option<&'static Message> {
        self.all().find(|message| message.name == name)
    }

    /// The message with the [`catalog_index`] `place`.
    pub fn by_index(&self, place: usize) -> Option<&'static Message> {
        let (family, at) = *self.index.get(place)?;
        self.families.get(usize::from(family))?.get(usize::from(at))
    }

    /// The message called `name`. Fails the build if there is none.
    pub(crate) const fn require_message(&self, name: &str) -> &'static Message {
        let mut family = 0;
        while family < self.families.len() {
            let mut at = 0;
            while at < self.families[family].len() {
                if crate::schema::text::str_eq(self.families[family][at].name, name) {
                    return &self.families[family][at];
                }
                at += 1;
            }
            family += 1;
        }
        fail_build(name, "is no message of", "this catalog")
    }
}

/// A number below [`INDEX_SIZE`] that is unique to the message in its catalog, for tables
/// that are indexed by message.
pub fn catalog_index(message: &Message) -> Option<usize> {
    index_of(message.set, message.id)
}

const fn index_of(set: MessageSet, id: u32) -> Option<usize> {
    let first = match set {
        MessageSet::Global => GLOBAL_BASE,
        MessageSet::Vgpu | MessageSet::Host => 0,
    };
    if id < first || id - first >= INDEX_SIZE_PER_SET as u32 {
        return None;
    }
    Some(set as usize * INDEX_SIZE_PER_SET + (id - first) as usize)
}
