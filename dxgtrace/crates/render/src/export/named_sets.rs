//! The named types that messages refer to, once each.

use std::collections::BTreeMap;

use dxgtrace_protocol::record::{CHANNEL_LIFE, IOCTL_END, LOST, RECORD};
use dxgtrace_protocol::schema::values::{Enum, Flags};
use dxgtrace_protocol::schema::{FieldType, Layout, MessageSet, Struct, TailElement};
use dxgtrace_protocol::table::Catalog;
use dxgtrace_protocol::table::framing;

/// Enumerations, bit sets and structures, by name.
#[derive(Default)]
pub(super) struct NamedSets {
    pub enums: BTreeMap<&'static str, &'static Enum>,
    pub flags: BTreeMap<&'static str, &'static Flags>,
    pub structs: BTreeMap<&'static str, &'static Struct>,
}

impl NamedSets {
    /// The types in messages and their headers.
    pub fn of_messages(catalog: &Catalog) -> Self {
        let headers = [MessageSet::Vgpu, MessageSet::Global, MessageSet::Host].map(framing::header);
        let messages = catalog.all().flat_map(|message| message.layouts());
        let mut names = Self::default();
        names.add(headers.into_iter().chain(messages));
        names
    }

    /// The types in messages, their headers and the records of a capture.
    pub fn of_captures(catalog: &Catalog) -> Self {
        let mut names = Self::of_messages(catalog);
        names.add([&RECORD, &LOST, &IOCTL_END, &CHANNEL_LIFE].into_iter());
        names
    }

    fn add(&mut self, layouts: impl Iterator<Item = &'static Layout>) {
        for layout in layouts {
            for field in layout.fields {
                self.of_type(field.ty);
            }
            for tail in layout.tails {
                match tail.element {
                    TailElement::Value(ty) => self.of_type(ty),
                    TailElement::Struct(structure) => self.of_struct(structure),
                }
                if let Some((structure, _)) = tail.view {
                    self.of_struct(structure);
                }
            }
        }
    }

    fn of_struct(&mut self, structure: &'static Struct) {
        self.structs.insert(structure.name, structure);
        for field in structure.fields {
            self.of_type(field.ty);
        }
    }

    fn of_type(&mut self, ty: FieldType) {
        match ty {
            FieldType::Enum(names) => drop(self.enums.insert(names.name, names)),
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                self.flags.insert(set.name, set);
            }
            _ => {}
        }
    }
}
