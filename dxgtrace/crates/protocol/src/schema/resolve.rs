//! Resolves the names in a layout, and stops the build where they mean nothing.

use super::check::{check_fields, check_gaps, need, need_u32, need_word};
use super::field::{Field, ObjectOwner, find};
use super::form::Forms;
use super::layout::{Layout, LengthSource, RequestValue};
use super::tail::{Tail, TailElement, TailLength};
use super::ty::FieldType;
use super::{MAX_FORMS, MAX_REQUEST_VALUES, MAX_TAILS};
use crate::schema::text::{same, stop};

impl Layout {
    /// A header: a fixed part that stands before the messages.
    pub const fn header(self, name: &str) -> Self {
        self.resolve(name, 0, None, (0, u32::MAX))
    }

    /// Checks the layout and resolves the names in it. For replies, `requests` are
    /// the forms of the request, which keep what the reply needs of them, and
    /// `range` the interface versions that use the reply.
    pub(super) const fn resolve(
        mut self,
        message: &str,
        start: u16,
        mut requests: Option<&mut Forms>,
        range: (u32, u32),
    ) -> Self {
        self.start = start;
        check_fields(message, self.fields, start, self.size, self.packed);
        check_gaps(message, self.fields, &self.gaps, start, self.tails_at);
        if self.tails.len() > MAX_TAILS {
            stop(message, "has too many tails after", self.tails[0].name);
        }
        if self.fields.len() > u64::BITS as usize {
            stop(message, "has too many fields from", self.fields[64].name);
        }
        let mut i = 0;
        while i < self.fields.len() {
            self.named |= (self.fields[i].ty.has_names() as u64) << i;
            self.ruled |= (self.fields[i].rule.forbids() as u64) << i;
            self.in_summary |= (self.fields[i].may_be_in_summary() as u64) << i;
            self.counted |= (self.fields[i].used.is_some() as u64) << i;
            if let FieldType::NtStatus = self.fields[i].ty {
                self.status = Some(self.fields[i].at);
            }
            if let Some(when) = self.fields[i].when
                && when.of_request
            {
                let selector = match &mut requests {
                    Some(requests) => keep(
                        message,
                        requests,
                        range,
                        TailLength::RequestWord(when.field),
                    ),
                    None => stop(message, "looks at a request in", self.fields[i].name),
                };
                if let Some(other) = self.selector
                    && other != selector
                {
                    stop(
                        message,
                        "looks at a second field of its request in",
                        self.fields[i].name,
                    );
                }
                self.selector = Some(selector);
            }
            if let Some(when) = self.fields[i].life_when {
                match &requests {
                    Some(requests) => need_asked(message, requests, range, when.field),
                    None => {
                        need(message, self.fields, when.field);
                    }
                }
            }
            let asked = asked_of(&requests, range);
            check_owner(message, &self.fields[i].owner, self.fields, asked);
            if self.fields[i].end() > self.tails_at && !self.tails.is_empty() {
                stop(
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
                // Text is shown as such only in fields: no known message has
                // a tail of it.
                stop(message, "has UTF-16 in the tail", tail.name);
            }
            self.named_tails |= (tail.has_names() as u8) << i;
            self.sources[i] = self.source(message, i, tail.len, &mut requests, range);
            self.expected[i] = match tail.expects {
                Some(len) => self.source(message, i, len, &mut requests, range),
                None => self.sources[i],
            };
            if let Some((_, when)) = tail.view {
                self.views[i] = Some(need(message, self.fields, when.field).slice);
            }
            let asked = asked_of(&requests, range);
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

    const fn source(
        &self,
        message: &str,
        at: usize,
        len: TailLength,
        requests: &mut Option<&mut Forms>,
        range: (u32, u32),
    ) -> LengthSource {
        match len {
            TailLength::Field(name) => LengthSource::At(need_u32(message, self.fields, name)),
            TailLength::FieldOrOne(name) => {
                LengthSource::AtOrOne(need_u32(message, self.fields, name))
            }
            TailLength::FieldIfRoom(name) => {
                LengthSource::AtIfRoom(need_u32(message, self.fields, name))
            }
            TailLength::Fill => match self.total {
                Some(_) => LengthSource::Fill,
                None => stop(
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
                count: need_u32(message, self.fields, count),
            },
            TailLength::SumOf(tail, member) => {
                let (tail, stride, member) = need_member(message, self.tails, tail, member);
                if tail as usize >= at {
                    stop(message, "sums over a later tail in", self.tails[at].name);
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
                Some(requests) => LengthSource::Request(keep(message, requests, range, len)),
                None => stop(message, "looks at a request in", self.tails[at].name),
            },
        }
    }

    /// Stops the build unless this request has what a reply's `len` asks of it.
    pub(super) const fn check_asked(&self, message: &str, len: TailLength) {
        if let RequestValue::None = self.asked(message, len) {
            let name = match len {
                TailLength::Request(name)
                | TailLength::RequestOrOne(name)
                | TailLength::RequestWord(name) => name,
                TailLength::RequestIf(name, _) | TailLength::RequestSumOf(name, _) => name,
                _ => "a length",
            };
            stop(
                message,
                "has no field or tail in a form of its request that is called",
                name,
            );
        }
    }

    /// What a reply's `len` asks of this request; nothing if it has no such field.
    pub(super) const fn asked(&self, message: &str, len: TailLength) -> RequestValue {
        match len {
            TailLength::Request(name) if self.has(name) => {
                RequestValue::At(need_u32(message, self.fields, name))
            }
            TailLength::RequestOrOne(name) if self.has(name) => {
                RequestValue::AtOrOne(need_u32(message, self.fields, name))
            }
            TailLength::RequestWord(name) if self.has(name) => {
                RequestValue::At(need_word(message, self.fields, name))
            }
            TailLength::RequestIf(count, flag) if self.has(count) && self.has(flag) => {
                RequestValue::AtIf(
                    need_u32(message, self.fields, count),
                    need(message, self.fields, flag).at,
                )
            }
            TailLength::RequestSumOf(tail, member) if self.has_tail(tail) => {
                let (tail, stride, member) = need_member(message, self.tails, tail, member);
                RequestValue::Sum {
                    tail,
                    stride,
                    member,
                }
            }
            _ => RequestValue::None,
        }
    }

    const fn has(&self, name: &str) -> bool {
        find(self.fields, name).is_some()
    }

    const fn has_tail(&self, name: &str) -> bool {
        let mut i = 0;
        while i < self.tails.len() {
            if same(self.tails[i].name, name) {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// What a reply's owners are looked for in, beside the reply.
const fn asked_of<'a>(
    requests: &'a Option<&mut Forms>,
    range: (u32, u32),
) -> Option<(&'a Forms, (u32, u32))> {
    match requests {
        Some(requests) => Some((requests, range)),
        None => None,
    }
}

/// Number, stride and member offset of `tail.member`.
pub(super) const fn need_member(
    message: &str,
    tails: &'static [Tail],
    tail: &str,
    member: &str,
) -> (u8, u16, u16) {
    let mut i = 0;
    while i < tails.len() {
        if same(tails[i].name, tail) {
            return match tails[i].element {
                TailElement::Struct(structure) => (
                    i as u8,
                    structure.size,
                    need_u32(message, structure.fields, member),
                ),
                TailElement::Value(_) => stop(message, "sums over a tail without members:", tail),
            };
        }
        i += 1;
    }
    stop(message, "has no tail", tail)
}

/// The place of what `len` asks of the request among the values that each of its
/// forms keeps, added if it is new. Replies that are used from `since` until
/// `until` need it of every form of those versions.
pub(super) const fn keep(
    message: &str,
    requests: &mut Forms,
    (since, until): (u32, u32),
    len: TailLength,
) -> u8 {
    let mut values = [RequestValue::None; MAX_FORMS];
    let mut i = 0;
    while let Some(form) = requests.get(i) {
        if form.meets(since, until) {
            form.layout.check_asked(message, len);
        }
        values[i] = form.layout.asked(message, len);
        i += 1;
    }
    let mut slot = 0;
    while slot < MAX_REQUEST_VALUES {
        let (mut all_same, mut all_free) = (true, true);
        let mut i = 0;
        while let Some(form) = requests.get(i) {
            let kept = form.layout.request_values[slot];
            all_same &= kept.is(values[i]);
            all_free &= kept.is(RequestValue::None);
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
    stop(message, "needs too much of its request for", "replies")
}

/// Stops the build unless every form of the request in the versions of `range` has
/// a field.
pub(super) const fn need_asked(
    message: &str,
    requests: &Forms,
    (since, until): (u32, u32),
    name: &str,
) {
    let mut i = 0;
    while let Some(form) = requests.get(i) {
        if form.meets(since, until) {
            need(message, form.layout.fields, name);
        }
        i += 1;
    }
}

/// Stops the build unless an owner's fields exist: in the same part, or of a
/// reply in the request. What a request creates may belong to what its reply
/// creates, which is found when the reply is followed.
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
        if find(fields, owner.fields[i]).is_none() {
            need_asked(message, requests, range, owner.fields[i]);
        }
        i += 1;
    }
    if let Some(when) = owner.when {
        need_asked(message, requests, range, when.field);
    }
}
