//! The forms that one part of a message has in the versions of the protocol.

use super::MAX_FORMS;
use super::layout::Layout;
use super::ty::DriverEra;
use crate::schema::text::stop;

/// One form of a request, host message or reply.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The lowest interface version that uses it.
    pub since: u32,
    /// The lowest interface version that no longer uses it.
    pub until: u32,
    /// The first generation of the driver that uses it.
    pub era: DriverEra,
    /// Where the version does not tell: the total lengths by which it is known.
    pub lengths: &'static [u32],
    /// Its shape.
    pub layout: Layout,
}

/// The form that every interface version uses, unless told otherwise.
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
    /// It is used from an interface version on.
    pub const fn since(mut self, version: u32) -> Self {
        self.since = version;
        self
    }

    /// Only drivers of a generation use it; it is known by its total `lengths`.
    pub const fn of(mut self, era: DriverEra, lengths: &'static [u32]) -> Self {
        self.era = era;
        self.lengths = lengths;
        self
    }

    /// By what the form is known, in words that follow the part's name. Empty if the
    /// version and the length do not matter.
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

    /// Whether an interface version uses both forms.
    pub(super) const fn meets(&self, since: u32, until: u32) -> bool {
        self.since < until && since < self.until
    }

    /// Whether a message of `length` bytes, rounded up to 8 unless `exact`, has it.
    fn fits(&self, length: usize, exact: bool) -> bool {
        self.lengths.is_empty()
            || self.lengths.iter().any(|known| {
                let known = *known as usize;
                length == known || !exact && length == known.next_multiple_of(8)
            })
    }
}

/// The forms of a part, newest interface version first; within a version, first
/// those that are known by their lengths.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    list: [Option<Form>; MAX_FORMS],
}

impl Forms {
    /// None that is known.
    pub const NONE: Self = Self {
        list: [None; MAX_FORMS],
    };

    /// Whether no form is known.
    pub const fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }

    /// Every form, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Form> {
        self.list.iter().flatten()
    }

    /// The shape of every form, in order.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.iter().map(|form| &form.layout)
    }

    /// The shape of a message of an interface version: `length` bytes of it
    /// travelled, rounded up to 8 unless `exact`.
    #[inline]
    pub fn select(&self, version: u32, length: usize, exact: bool) -> Option<&Layout> {
        let mut forms = self.iter();
        forms
            .find(|form| form.since <= version && form.fits(length, exact))
            .map(|form| &form.layout)
    }

    /// The shape in an interface version, where nothing was seen that tells
    /// generations apart.
    pub fn at(&self, version: u32) -> Option<&Layout> {
        let mut forms = self.iter();
        forms
            .find(|form| form.since <= version && form.lengths.is_empty())
            .map(|form| &form.layout)
    }

    /// The form at a place.
    pub const fn get(&self, index: usize) -> Option<&Form> {
        match index < MAX_FORMS {
            true => self.list[index].as_ref(),
            false => None,
        }
    }

    pub(super) const fn replace(&mut self, index: usize, form: Form) {
        self.list[index] = Some(form);
    }

    /// The place of the next form, and the version until which it is used.
    pub(super) const fn next(&self, message: &str, form: &Form) -> (usize, u32) {
        let mut until = u32::MAX;
        let mut i = 0;
        while i < MAX_FORMS {
            let Some(before) = &self.list[i] else {
                return (i, until);
            };
            if before.since < form.since || before.since == form.since && before.lengths.is_empty()
            {
                stop(
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
        stop(message, "has more forms of a part than", "MAX_FORMS")
    }

    /// Stops the build unless what is known by its length has a form beside it
    /// that takes all other lengths.
    pub(super) const fn check(&self, message: &str) {
        let mut i = 0;
        while i < MAX_FORMS {
            if let Some(form) = &self.list[i]
                && !form.lengths.is_empty()
                && (i + 1 == MAX_FORMS || self.list[i + 1].is_none())
            {
                stop(
                    message,
                    "has no form for other lengths than those of",
                    form.era.name(),
                );
            }
            i += 1;
        }
    }
}
