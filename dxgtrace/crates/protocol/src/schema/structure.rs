//! Structures inside messages.

use super::check::{check_fields, check_gaps};
use super::field::Field;
use crate::schema::text::fail_build;

/// A structure that is an array element or the start of opaque data.
#[derive(Debug)]
pub struct Struct {
    /// Its name in the reference.
    pub name: &'static str,
    /// `sizeof`, in bytes.
    pub size: u16,
    /// Its fields. Offsets count from the start of the structure.
    pub fields: &'static [Field],
    /// Whether any field has values with names.
    pub named: bool,
    /// A sentence that describes it.
    pub doc: &'static str,
}

impl Struct {
    /// Checks and makes a structure without padding.
    pub const fn new(
        name: &'static str,
        size: u16,
        fields: &'static [Field],
        doc: &'static str,
    ) -> Self {
        Self::with_gaps(name, size, fields, &[], doc)
    }

    /// Checks and makes a structure with padding: `gaps` are the offset and length of
    /// each run.
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
            fail_build(name, "has too many fields from", fields[64].name);
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
