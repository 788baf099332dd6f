//! Resolves the names in a layout. An unknown name fails the build.

use super::check::{check_fields, check_gaps, require_field, require_u32, require_word};
use super::field::{Field, ObjectOwner, field_named};
use super::form::Forms;
use super::layout::{Layout, LengthSource, RequestValue};
use super::tail::{Tail, TailElement, TailLength};
use super::ty::FieldType;
use super::{MAX_FORMS, MAX_REQUEST_VALUES, MAX_TAILS};
use crate::schema::text::{fail_build, str_eq};

impl Layout {
    /// Checks and resolves a header: a fixed part before a message.
    pub const fn header(self, name: &str) -> Self {
        self.resolve(name, 0, None, (0, u32::MAX))
    }

    /// Checks the layout and resolves the names in it. For a reply, `requests` are the
    /// forms of its request, which record the values that the reply depends on, and
    /// `range` is the range of interface versions that use the reply.
    pub(super) const fn resolve(
        mut self,
        message: &str,
        start: u16,
        mut requests: Option<&mut Forms>,
        range: (u32, u32),
    ) -> Self {
        self.start = start;
        check_fields(message, self.fields, start, self.size, self.is_packed);
        check_gaps(message, self.fields, &self.gaps, start, self.tails_at);
        if self.tails.len() > MAX_TAILS {
            fail_build(message, "has too many tails after", self.tails[0].name);
        }
        if self.fields.len() > u64::BITS as usize {
            fail_build(message, "has too many fields from", self.fields[64].name);
        }
        let mut i = 0;
        while i < self.fields.len() {
            self.named_fields |= (self.fields[i].ty.has_names() as u64) << i;
            self.ruled_fields |= (self.fields[i].rule.forbids_values() as u64) << i;
            self.in_summary |= (self.fields[i].may_be_in_summary() as u64) << i;
            self.counted_fields |= (self.fields[i].used_count.is_some() as u64) << i;
            if let FieldType::NtStatus = self.fields[i].ty {
                self.status = Some(self.fields[i].at);
            }
            if let Some(when) = self.fields[i].when
                && when.of_request
            {
                let selector = match &mut requests {
                    Some(requests) => reserve_value_slot(
                        message,
                        requests,
                        range,
                        TailLength::RequestWord(when.field),
                    ),
                    None => fail_build(message, "looks at a request in", self.fields[i].name),
                };
                if let Some(other) = self.selector
                    && other != selector
                {
                    fail_build(
                        message,
                        "looks at a second field of its request in",
                        self.fields[i].name,
                    );
                }
                self.selector = Some(selector);
            }
            if let Some(when) = self.fields[i].effect_when {
                match &requests {
                    Some(requests) => require_in_requests(message, requests, range, when.field),
                    None => {
                        require_field(message, self.fields, when.field);
                    }
                }
            }
            let asked = requests_in_range(&requests, range);
            check_owner(message, &self.fields[i].owner, self.fields, asked);
            if self.fields[i].end() > self.tails_at && !self.tails.is_empty() {
                fail_build(
                    message,
                    "has a tail that begins before",
                    self.fields[i].name,
                );
            }
            i += 1;
        }
        let mut i = 0;
        while i < self.tails.len() {
            let tail = &self.tails[i];
            if let TailElement::Value(FieldType::Utf16) = tail.element {
                // Text is supported in fields only: no known message has a
                // tail of text.
                fail_build(message, "has UTF-16 in the tail", tail.name);
            }
            self.named_tails |= (tail.has_names() as u8) << i;
            self.tail_lengths[i] = self.tail_length(message, i, tail.len, &mut requests, range);
            self.expected_tail_lengths[i] = match tail.expected_len {
                Some(len) => self.tail_length(message, i, len, &mut requests, range),
                None => self.tail_lengths[i],
            };
            if let Some((_, when)) = tail.view {
                self.view_deciders[i] = Some(require_field(message, self.fields, when.field).slice);
            }
            let asked = requests_in_range(&requests, range);
            check_owner(message, &tail.owner, self.fields, asked);
            if let TailElement::Struct(structure) = tail.element {
                let mut j = 0;
                while j < structure.fields.len() {
                    check_owner(message, &structure.fields[j].owner, self.fields, asked);
                    j += 1;
                }
            }
            i += 1;
        }
        self
    }

    const fn tail_length(
        &self,
        message: &str,
        at: usize,
        len: TailLength,
        requests: &mut Option<&mut Forms>,
        range: (u32, u32),
    ) -> LengthSource {
        match len {
            TailLength::Field(name) => LengthSource::At(require_u32(message, self.fields, name)),
            TailLength::FieldOrOne(name) => {
                LengthSource::AtOrOne(require_u32(message, self.fields, name))
            }
            TailLength::FieldIfRoom(name) => {
                LengthSource::AtIfRoom(require_u32(message, self.fields, name))
            }
            TailLength::Fill => match self.fixed_total {
                Some(_) => LengthSource::Fill,
                None => fail_build(
                    message,
                    "has no fixed total to fill with",
                    self.tails[at].name,
                ),
            },
            TailLength::ResultArea {
                head,
                element,
                count,
            } => LengthSource::Area {
                head,
                element,
                count: require_u32(message, self.fields, count),
            },
            TailLength::SumOf(tail, member) => {
                let (tail, stride, member) = require_member(message, self.tails, tail, member);
                if tail as usize >= at {
                    fail_build(message, "sums over a later tail in", self.tails[at].name);
                }
                LengthSource::Sum {
                    tail,
                    stride,
                    member,
                }
            }
            TailLength::Request(_)
            | TailLength::RequestOrOne(_)
            | TailLength::RequestIf(_, _)
            | TailLength::RequestSumOf(_, _)
            | TailLength::RequestWord(_) => match requests {
                Some(requests) => {
                    LengthSource::Request(reserve_value_slot(message, requests, range, len))
                }
                None => fail_build(message, "looks at a request in", self.tails[at].name),
            },
        }
    }

    /// Fails the build unless this request has the field or tail that a reply's `len`
    /// refers to.
    pub(super) const fn require_request_value(&self, message: &str, len: TailLength) {
        if let RequestValue::None = self.request_value(message, len) {
            let name = match len {
                TailLength::Request(name)
                | TailLength::RequestOrOne(name)
                | TailLength::RequestWord(name) => name,
                TailLength::RequestIf(name, _) | TailLength::RequestSumOf(name, _) => name,
                _ => "a length",
            };
            fail_build(
                message,
                "has no field or tail in a form of its request that is called",
                name,
            );
        }
    }

    /// The value of this request that a reply's `len` refers to;
    /// [`RequestValue::None`] if the request has no such field.
    pub(super) const fn request_value(&self, message: &str, len: TailLength) -> RequestValue {
        match len {
            TailLength::Request(name) if self.has_field(name) => {
                RequestValue::At(require_u32(message, self.fields, name))
            }
            TailLength::RequestOrOne(name) if self.has_field(name) => {
                RequestValue::AtOrOne(require_u32(message, self.fields, name))
            }
            TailLength::RequestWord(name) if self.has_field(name) => {
                RequestValue::At(require_word(message, self.fields, name))
            }
            TailLength::RequestIf(count, flag) if self.has_field(count) && self.has_field(flag) => {
                RequestValue::AtIf(
                    require_u32(message, self.fields, count),
                    require_field(message, self.fields, flag).at,
                )
            }
            TailLength::RequestSumOf(tail, member) if self.has_tail(tail) => {
                let (tail, stride, member) = require_member(message, self.tails, tail, member);
                RequestValue::Sum {
                    tail,
                    stride,
                    member,
                }
            }
            _ => RequestValue::None,
        }
    }

    const fn has_field(&self, name: &str) -> bool {
        field_named(self.fields, name).is_some()
    }

    const fn has_tail(&self, name: &str) -> bool {
        let mut i = 0;
        while i < self.tails.len() {
            if str_eq(self.tails[i].name, name) {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// The forms of the request in which a reply's owners are looked up, and the version
/// range.
const fn requests_in_range<'a>(
    requests: &'a Option<&mut Forms>,
    range: (u32, u32),
) -> Option<(&'a Forms, (u32, u32))> {
    match requests {
        Some(requests) => Some((requests, range)),
        None => None,
    }
}

/// Index, stride and member offset of `tail.member`.
pub(super) const fn require_member(
    message: &str,
    tails: &'static [Tail],
    tail: &str,
    member: &str,
) -> (u8, u16, u16) {
    let mut i = 0;
    while i < tails.len() {
        if str_eq(tails[i].name, tail) {
            return match tails[i].element {
                TailElement::Struct(structure) => (
                    i as u8,
                    structure.size,
                    require_u32(message, structure.fields, member),
                ),
                TailElement::Value(_) => {
                    fail_build(message, "sums over a tail without members:", tail)
                }
            };
        }
        i += 1;
    }
    fail_build(message, "has no tail", tail)
}

/// The index of the request value that `len` refers to, which is added to every form
/// of the request if it is new. Every form in the versions from `since` until `until`
/// must have it.
pub(super) const fn reserve_value_slot(
    message: &str,
    requests: &mut Forms,
    (since, until): (u32, u32),
    len: TailLength,
) -> u8 {
    let mut values = [RequestValue::None; MAX_FORMS];
    let mut i = 0;
    while let Some(form) = requests.get(i) {
        if form.overlaps(since, until) {
            form.layout.require_request_value(message, len);
        }
        values[i] = form.layout.request_value(message, len);
        i += 1;
    }
    let mut slot = 0;
    while slot < MAX_REQUEST_VALUES {
        let (mut all_same, mut all_free) = (true, true);
        let mut i = 0;
        while let Some(form) = requests.get(i) {
            let kept = form.layout.request_values[slot];
            all_same &= kept.equals(values[i]);
            all_free &= kept.equals(RequestValue::None);
            i += 1;
        }
        if all_same || all_free {
            let mut i = 0;
            while let Some(form) = requests.get(i) {
                let mut form = *form;
                form.layout.request_values[slot] = values[i];
                if form.layout.values_used as usize <= slot {
                    form.layout.values_used = slot as u8 + 1;
                }
                requests.replace(i, form);
                i += 1;
            }
            return slot as u8;
        }
        slot += 1;
    }
    fail_build(message, "needs too much of its request for", "replies")
}

/// Fails the build unless every form of the request in the versions from `since`
/// until `until` has the field `name`.
pub(super) const fn require_in_requests(
    message: &str,
    requests: &Forms,
    (since, until): (u32, u32),
    name: &str,
) {
    let mut i = 0;
    while let Some(form) = requests.get(i) {
        if form.overlaps(since, until) {
            require_field(message, form.layout.fields, name);
        }
        i += 1;
    }
}

/// Fails the build unless the fields of an owner exist in the reply or in its request.
/// Owners of objects that a request creates are not checked: the owner may be an
/// object that the reply creates.
pub(super) const fn check_owner(
    message: &str,
    owner: &ObjectOwner,
    fields: &'static [Field],
    request: Option<(&Forms, (u32, u32))>,
) {
    let Some((requests, range)) = request else {
        return;
    };
    let mut i = 0;
    while i < owner.fields.len() {
        if field_named(fields, owner.fields[i]).is_none() {
            require_in_requests(message, requests, range, owner.fields[i]);
        }
        i += 1;
    }
    if let Some(when) = owner.when {
        require_in_requests(message, requests, range, when.field);
    }
}
