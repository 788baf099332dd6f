//! A message: how it travels, its request, its replies.

use super::HEADER;
use super::field::{Field, status};
use super::form::{Form, Forms, form};
use super::layout::{Layout, layout};
use super::ty::{DriverEra, MessageSet};
use crate::schema::text::stop;

/// The process that the command header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderProcess {
    /// The process on whose behalf the message is sent.
    Caller,
    /// None: the field is 0.
    Nobody,
    /// The process that ends with this message.
    Destroyed,
    /// The process that is asked about, which need not be the caller.
    Target,
    /// Not known: nobody reads the field.
    Unknown,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// The sender waits for the reply.
    Sync,
    /// As `Sync`, but without a reply once the host has switched async mode on.
    Async,
    /// There is never a reply.
    OneWay,
    /// Named, but sent by no public driver.
    NeverSent,
}

/// What it means when the host refuses the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureImpact {
    /// The caller's operation fails.
    Ordinary,
    /// Nothing: callers ask whether something is there, and are told no.
    Probe,
    /// The driver cannot go on.
    Vital,
}

/// What begins anew when the message is the first one on its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetScope {
    /// Nothing.
    Nothing,
    /// The driver: no object is older.
    Driver,
    /// A virtual GPU.
    Adapter,
}

/// The whole of a reply that only tells the outcome.
const STATUS: &[Field] = &[status(0)];

/// One message of the protocol: a request with its replies, or a host message.
#[derive(Debug)]
pub struct Message {
    /// Which numbering `id` belongs to.
    pub set: MessageSet,
    /// The number on the wire.
    pub id: u32,
    /// The name in filters, JSON and Wireshark.
    pub name: &'static str,
    /// The public constant without its prefix.
    pub constant: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// What makes it be sent.
    pub cause: &'static str,
    /// The first generation of the driver that has it.
    pub since: DriverEra,
    /// How it travels.
    pub mode: ReplyMode,
    /// Whom the header's process field names.
    pub header_process: HeaderProcess,
    /// What a refusal means.
    pub impact: FailureImpact,
    /// What begins with it.
    pub resets: ResetScope,
    /// The forms of the request or host message.
    pub requests: Forms,
    /// The forms of the reply.
    pub replies: Forms,
    /// What else one should know.
    pub notes: &'static [&'static str],
}

impl Message {
    /// A message that so far has only a name.
    pub const fn new(
        set: MessageSet,
        id: u32,
        name: &'static str,
        constant: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            set,
            id,
            name,
            constant,
            doc,
            cause: "",
            since: DriverEra::May2020,
            mode: ReplyMode::NeverSent,
            header_process: HeaderProcess::Unknown,
            impact: FailureImpact::Ordinary,
            resets: ResetScope::Nothing,
            requests: Forms::NONE,
            replies: Forms::NONE,
            notes: &[],
        }
    }

    /// What makes it be sent.
    pub const fn cause(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// The first generation of the driver that has it.
    pub const fn since(mut self, era: DriverEra) -> Self {
        self.since = era;
        self
    }

    /// How it travels, where that is not what its shape says.
    pub const fn mode(mut self, mode: ReplyMode) -> Self {
        self.mode = mode;
        self
    }

    /// Whom the header's process field names, if not the caller.
    pub const fn header_process(mut self, process: HeaderProcess) -> Self {
        self.header_process = process;
        self
    }

    /// What a refusal means, if not that an operation fails.
    pub const fn impact(mut self, impact: FailureImpact) -> Self {
        self.impact = impact;
        self
    }

    /// What begins with it.
    pub const fn resets(mut self, resets: ResetScope) -> Self {
        self.resets = resets;
        self
    }

    /// The guest sends this and waits, in every interface version for which no form
    /// stands before this one.
    pub const fn request(self, layout: Layout) -> Self {
        self.request_form(form(layout))
    }

    /// The guest sends this from an interface version on. Newest first.
    pub const fn request_since(self, version: u32, layout: Layout) -> Self {
        self.request_form(form(layout).since(version))
    }

    /// One form of the request.
    pub const fn request_form(mut self, form: Form) -> Self {
        self.mode = match self.mode {
            ReplyMode::NeverSent => ReplyMode::Sync,
            mode => mode,
        };
        if let HeaderProcess::Unknown = self.header_process {
            self.header_process = HeaderProcess::Caller;
        }
        self.add_request(form)
    }

    /// The host sends this; there is no reply.
    pub const fn event(self, layout: Layout) -> Self {
        self.event_form(form(layout))
    }

    /// One form of what the host sends.
    pub const fn event_form(mut self, form: Form) -> Self {
        self.mode = ReplyMode::OneWay;
        self.add_request(form)
    }

    const fn add_request(mut self, mut form: Form) -> Self {
        if !self.replies.is_empty() {
            stop(self.name, "has a reply before its", "request");
        }
        let (index, until) = self.requests.next(self.name, &form);
        form.until = until;
        form.layout = form
            .layout
            .resolve(self.name, HEADER, None, (form.since, until));
        form.layout.form = index as u8;
        self.requests.replace(index, form);
        self
    }

    /// The host answers with this, in every interface version for which no form
    /// stands before this one.
    pub const fn reply(self, layout: Layout) -> Self {
        self.reply_form(form(layout))
    }

    /// The host answers with this from an interface version on. Newest first.
    pub const fn reply_since(self, version: u32, layout: Layout) -> Self {
        self.reply_form(form(layout).since(version))
    }

    /// One form of the reply.
    pub const fn reply_form(mut self, mut form: Form) -> Self {
        if self.requests.is_empty() {
            stop(self.name, "has a reply before its", "request");
        }
        let (index, until) = self.replies.next(self.name, &form);
        form.until = until;
        let start = match form.layout.echo {
            true => HEADER,
            false => 0,
        };
        let range = (form.since, until);
        let mut requests = self.requests;
        form.layout = form
            .layout
            .resolve(self.name, start, Some(&mut requests), range);
        form.layout.form = index as u8;
        self.requests = requests;
        self.replies.replace(index, form);
        self
    }

    /// The host answers with a status and nothing else.
    pub const fn reply_status(self) -> Self {
        self.reply(layout(4, STATUS))
    }

    /// The host answers, but the driver reads nothing of it.
    pub const fn reply_unread(self) -> Self {
        self.reply(layout(0, &[]).unread())
    }

    /// The host answers with the request again, header included; the fields
    /// are those of `layout`, and its tails count as the request says.
    pub const fn reply_echo(self, layout: Layout) -> Self {
        self.reply(layout.echo())
    }

    /// What else one should know.
    pub const fn notes(mut self, notes: &'static [&'static str]) -> Self {
        self.notes = notes;
        self
    }

    /// Stops the build if a form is missing.
    pub(crate) const fn check(&self) {
        self.requests.check(self.name);
        self.replies.check(self.name);
    }

    /// The shapes of all forms: of the request or host message, then of the reply.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.requests.layouts().chain(self.replies.layouts())
    }

    /// The shape of the request or host message at an interface version.
    pub fn request_at(&self, version: u32) -> Option<&Layout> {
        self.requests.at(version)
    }

    /// The reply's shape at an interface version.
    pub fn reply_at(&self, version: u32) -> Option<&Layout> {
        self.replies.at(version)
    }
}
