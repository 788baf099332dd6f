//! A table of messages, with an index by number.

use crate::schema::text::stop;
use crate::schema::{Message, MessageSet};

/// A table of messages: the built-in one is [`CATALOG`](super::CATALOG). Another
/// one, of more or changed messages, is read by the same functions.
#[derive(Debug)]
pub struct Catalog {
    families: &'static [&'static [Message]],
    /// (family, place in it) of every number of every set.
    index: [(u8, u8); PLACES],
}

/// How many places [`place`] can name.
pub const PLACES: usize = 3 * ROOM;
/// Room in the index for each set: vGPU ids from 0, global ids from
/// [`GLOBAL_BASE`], host ids from 0.
const ROOM: usize = 128;
/// The first number of the global set.
const GLOBAL_BASE: u32 = 1000;
/// Marks an unused number in the index.
const UNUSED: (u8, u8) = (u8::MAX, u8::MAX);

impl Catalog {
    /// The table of some families of messages, checked as a whole.
    pub const fn new(families: &'static [&'static [Message]]) -> Self {
        let mut index = [UNUSED; PLACES];
        let mut family = 0;
        while family < families.len() {
            let mut at = 0;
            while at < families[family].len() {
                let message = &families[family][at];
                message.check();
                match slot(message.set, message.id) {
                    Some(slot) => {
                        if index[slot].0 != UNUSED.0 {
                            stop(message.name, "has a number that is taken in", "its set");
                        }
                        index[slot] = (family as u8, at as u8);
                    }
                    None => stop(message.name, "has a number outside of", "its set"),
                }
                at += 1;
            }
            family += 1;
        }
        Self { families, index }
    }

    /// Every message, family by family.
    pub fn all(&self) -> impl Iterator<Item = &'static Message> + use<> {
        self.families.iter().flat_map(|family| family.iter())
    }

    /// The message with this number in a set.
    pub fn lookup(&self, set: MessageSet, id: u32) -> Option<&'static Message> {
        slot(set, id).and_then(|slot| self.at_place(slot))
    }

    /// The message of that name.
    pub fn by_name(&self, name: &str) -> Option<&'static Message> {
        self.all().find(|message| message.name == name)
    }

    /// The message at a place.
    pub fn at_place(&self, place: usize) -> Option<&'static Message> {
        let (family, at) = *self.index.get(place)?;
        self.families.get(usize::from(family))?.get(usize::from(at))
    }

    /// The message of that name; stops the build if there is none.
    pub(crate) const fn need(&self, name: &str) -> &'static Message {
        let mut family = 0;
        while family < self.families.len() {
            let mut at = 0;
            while at < self.families[family].len() {
                if crate::schema::text::same(self.families[family][at].name, name) {
                    return &self.families[family][at];
                }
                at += 1;
            }
            family += 1;
        }
        stop(name, "is no message of", "this catalog")
    }
}

/// A number below [`PLACES`] that belongs to this message alone, in any catalog:
/// what tables by message are indexed with.
pub fn place(message: &Message) -> Option<usize> {
    slot(message.set, message.id)
}

const fn slot(set: MessageSet, id: u32) -> Option<usize> {
    let first = match set {
        MessageSet::Global => GLOBAL_BASE,
        MessageSet::Vgpu | MessageSet::Host => 0,
    };
    if id < first || id - first >= ROOM as u32 {
        return None;
    }
    Some(set as usize * ROOM + (id - first) as usize)
}
