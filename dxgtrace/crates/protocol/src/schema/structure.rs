//! Structures inside of messages.

use super::check::{check_fields, check_gaps};
use super::field::Field;
use crate::schema::text::stop;

/// A structure that occurs as an element or inside opaque data.
#[derive(Debug)]
pub struct Struct {
    /// Its name in this reference.
    pub name: &'static str,
    /// `sizeof`, in bytes.
    pub size: u16,
    /// Its fields; offsets count from its own start.
    pub fields: &'static [Field],
    /// Whether any of them has values with names.
    pub named: bool,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

impl Struct {
    /// A structure, checked.
    pub const fn new(
        name: &'static str,
        size: u16,
        fields: &'static [Field],
        doc: &'static str,
    ) -> Self {
        Self::with_gaps(name, size, fields, &[], doc)
    }

    /// A structure of which some bytes belong to no field: `gaps` are their offsets
    /// and lengths.
    pub const fn with_gaps(
        name: &'static str,
        size: u16,
        fields: &'static [Field],
        gaps: &[(u16, u16)],
        doc: &'static str,
    ) -> Self {
        check_fields(name, fields, 0, size, false);
        check_gaps(name, fields, gaps, 0, size);
        if fields.len() > u64::BITS as usize {
            stop(name, "has too many fields from", fields[64].name);
        }
        let mut named = false;
        let mut i = 0;
        while i < fields.len() {
            named |= fields[i].ty.has_names();
            i += 1;
        }
        Self {
            name,
            size,
            fields,
            named,
            doc,
        }
    }
}
