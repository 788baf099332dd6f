//! The forms of one part of a message, by version of the protocol.

use super::MAX_FORMS;
use super::layout::Layout;
use super::ty::DriverEra;
use crate::schema::text::fail_build;

/// One form of a request, host message or reply.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The first interface version that uses the form.
    pub since: u32,
    /// The first interface version that no longer uses the form.
    pub until: u32,
    /// The first generation of the driver that uses the form.
    pub era: DriverEra,
    /// Total lengths in bytes that identify the form, if the version does not.
    pub lengths: &'static [u32],
    /// Its layout.
    pub layout: Layout,
}

/// A form that every interface version uses.
pub const fn form(layout: Layout) -> Form {
    Form {
        since: 0,
        until: u32::MAX,
        era: DriverEra::May2020,
        lengths: &[],
        layout,
    }
}

impl Form {
    /// Declares that the form is used from `version` on.
    pub const fn since(mut self, version: u32) -> Self {
        self.since = version;
        self
    }

    /// Declares that drivers since `era` use the form, which its total `lengths`
    /// identify.
    pub const fn of_era(mut self, era: DriverEra, lengths: &'static [u32]) -> Self {
        self.era = era;
        self.lengths = lengths;
        self
    }

    /// What identifies the form, as text that follows the part's name. Empty if
    /// neither version nor length matters.
    pub fn known_by(&self) -> String {
        let mut text = match self.since {
            0 => String::new(),
            version => format!(" from interface version {version} on"),
        };
        if !self.lengths.is_empty() {
            let lengths: Vec<_> = self.lengths.iter().map(u32::to_string).collect();
            let (era, lengths) = (self.era.name(), lengths.join(" or "));
            text.push_str(&format!(
                " of drivers of {era}, known by {lengths} bytes in all"
            ));
        }
        text
    }

    /// Whether the version range of the form overlaps `since..until`.
    pub(super) const fn overlaps(&self, since: u32, until: u32) -> bool {
        self.since < until && since < self.until
    }

    /// Whether a message of `length` bytes may have the form. `length` is rounded up to
    /// a multiple of 8 unless `exact`.
    fn has_length(&self, length: usize, exact: bool) -> bool {
        self.lengths.is_empty()
            || self.lengths.iter().any(|known| {
                let known = *known as usize;
                length == known || !exact && length == known.next_multiple_of(8)
            })
    }
}

/// The forms of a part, newest interface version first. Within a version, forms that
/// are identified by length come first.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    list: [Option<Form>; MAX_FORMS],
}

impl Forms {
    /// No form.
    pub const NONE: Self = Self {
        list: [None; MAX_FORMS],
    };

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }

    /// All forms, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Form> {
        self.list.iter().flatten()
    }

    /// The layouts of all forms, in order.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.iter().map(|form| &form.layout)
    }

    /// The layout of a message of `length` bytes at an interface version. `length` is
    /// rounded up to a multiple of 8 unless `exact`.
    #[inline]
    pub fn select(&self, version: u32, length: usize, exact: bool) -> Option<&Layout> {
        let mut forms = self.iter();
        forms
            .find(|form| form.since <= version && form.has_length(length, exact))
            .map(|form| &form.layout)
    }

    /// The layout at an interface version if the length of the message is not known.
    pub fn for_version(&self, version: u32) -> Option<&Layout> {
        let mut forms = self.iter();
        forms
            .find(|form| form.since <= version && form.lengths.is_empty())
            .map(|form| &form.layout)
    }

    /// The form at `index`.
    pub const fn get(&self, index: usize) -> Option<&Form> {
        match index < MAX_FORMS {
            true => self.list[index].as_ref(),
            false => None,
        }
    }

    pub(super) const fn replace(&mut self, index: usize, form: Form) {
        self.list[index] = Some(form);
    }

    /// The index of the next form, and the first version that no longer uses it.
    pub(super) const fn next_index(&self, message: &str, form: &Form) -> (usize, u32) {
        let mut until = u32::MAX;
        let mut i = 0;
        while i < MAX_FORMS {
            let Some(before) = &self.list[i] else {
                return (i, until);
            };
            if before.since < form.since || before.since == form.since && before.lengths.is_empty()
            {
                fail_build(
                    message,
                    "has its forms out of order:",
                    "newest first, then by length",
                );
            }
            until = match before.since > form.since {
                true => before.since,
                false => before.until,
            };
            i += 1;
        }
        fail_build(message, "has more forms of a part than", "MAX_FORMS")
    }

    /// Fails the build if a form that is identified by length has no form after it for
    /// all other lengths.
    pub(super) const fn check_lengths_covered(&self, message: &str) {
        let mut i = 0;
        while i < MAX_FORMS {
            if let Some(form) = &self.list[i]
                && !form.lengths.is_empty()
                && (i + 1 == MAX_FORMS || self.list[i + 1].is_none())
            {
                fail_build(
                    message,
                    "has no form for other lengths than those of",
                    form.era.name(),
                );
            }
            i += 1;
        }
    }
}
