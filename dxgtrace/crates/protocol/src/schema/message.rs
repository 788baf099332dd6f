//! A message: its request, its reply, and how they are sent.

use super::HEADER;
use super::field::{Field, status_field};
use super::form::{Form, Forms, form};
use super::layout::{Layout, layout};
use super::ty::{DriverEra, MessageSet};
use crate::schema::text::fail_build;

/// The process that the command header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderProcess {
    /// The process on whose behalf the message is sent.
    Caller,
    /// No process: the field is 0.
    Nobody,
    /// The process that ends with this message.
    Destroyed,
    /// The process that is queried, which need not be the caller.
    Target,
    /// Unknown: the field is not read.
    Unknown,
}

/// Whether a message has a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// The sender waits for the reply.
    Sync,
    /// As `Sync`, but without a reply after the host has enabled async mode.
    Async,
    /// There is never a reply.
    OneWay,
    /// The message is named, but no public driver sends it.
    NeverSent,
}

/// The effect of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureImpact {
    /// The operation of the caller fails.
    Ordinary,
    /// None: callers probe whether something exists.
    Probe,
    /// The driver cannot continue.
    Vital,
}

/// The state that is reset if the message is the first one on its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetScope {
    /// No state.
    Nothing,
    /// The driver: all objects are gone.
    Driver,
    /// A virtual GPU.
    Adapter,
}

/// The fields of a reply that holds only a status.
const STATUS: &[Field] = &[status_field(0)];

/// One message of the protocol: a request with its replies, or a host message.
#[derive(Debug)]
pub struct Message {
    /// The set in which `id` is unique.
    pub set: MessageSet,
    /// The number on the wire.
    pub id: u32,
    /// The name in filters, JSON and Wireshark.
    pub name: &'static str,
    /// The public constant without its prefix.
    pub constant: &'static str,
    /// A sentence that describes it.
    pub doc: &'static str,
    /// What causes the message to be sent.
    pub cause: &'static str,
    /// The first generation of the driver that has the message.
    pub since: DriverEra,
    /// Whether the message has a reply.
    pub mode: ReplyMode,
    /// The process that the header names.
    pub header_process: HeaderProcess,
    /// The effect of a failed request.
    pub impact: FailureImpact,
    /// The state that the message resets.
    pub resets: ResetScope,
    /// The forms of the request or host message.
    pub requests: Forms,
    /// The forms of the reply.
    pub replies: Forms,
    /// Further notes for the reference.
    pub notes: &'static [&'static str],
}

impl Message {
    /// A message with a name, without request and reply.
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

    /// Declares what causes the message to be sent.
    pub const fn cause(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// Declares the first generation of the driver that has the message.
    pub const fn since(mut self, era: DriverEra) -> Self {
        self.since = era;
        self
    }

    /// Declares whether the message has a reply, if the forms do not show it.
    pub const fn mode(mut self, mode: ReplyMode) -> Self {
        self.mode = mode;
        self
    }

    /// Declares the process that the header names, if it is not the caller.
    pub const fn header_process(mut self, process: HeaderProcess) -> Self {
        self.header_process = process;
        self
    }

    /// Declares the effect of a failed request.
    pub const fn impact(mut self, impact: FailureImpact) -> Self {
        self.impact = impact;
        self
    }

    /// Declares the state that the message resets.
    pub const fn resets(mut self, resets: ResetScope) -> Self {
        self.resets = resets;
        self
    }

    /// Declares a request form for all interface versions that have no earlier entry.
    pub const fn request(self, layout: Layout) -> Self {
        self.request_form(form(layout))
    }

    /// Declares a request form from interface version `version` on. The newest form
    /// comes first.
    pub const fn request_since(self, version: u32, layout: Layout) -> Self {
        self.request_form(form(layout).since(version))
    }

    /// Declares a form of the request.
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

    /// Declares a host message, which has no reply.
    pub const fn event(self, layout: Layout) -> Self {
        self.event_form(form(layout))
    }

    /// Declares a form of a host message.
    pub const fn event_form(mut self, form: Form) -> Self {
        self.mode = ReplyMode::OneWay;
        self.add_request(form)
    }

    const fn add_request(mut self, mut form: Form) -> Self {
        if !self.replies.is_empty() {
            fail_build(self.name, "has a reply before its", "request");
        }
        let (index, until) = self.requests.next_index(self.name, &form);
        form.until = until;
        form.layout = form
            .layout
            .resolve(self.name, HEADER, None, (form.since, until));
        form.layout.form_index = index as u8;
        self.requests.replace(index, form);
        self
    }

    /// Declares a reply form for all interface versions that have no earlier entry.
    pub const fn reply(self, layout: Layout) -> Self {
        self.reply_form(form(layout))
    }

    /// Declares a reply form from interface version `version` on. The newest form comes
    /// first.
    pub const fn reply_since(self, version: u32, layout: Layout) -> Self {
        self.reply_form(form(layout).since(version))
    }

    /// Declares a form of the reply.
    pub const fn reply_form(mut self, mut form: Form) -> Self {
        if self.requests.is_empty() {
            fail_build(self.name, "has a reply before its", "request");
        }
        let (index, until) = self.replies.next_index(self.name, &form);
        form.until = until;
        let start = match form.layout.is_echo {
            true => HEADER,
            false => 0,
        };
        let range = (form.since, until);
        let mut requests = self.requests;
        form.layout = form
            .layout
            .resolve(self.name, start, Some(&mut requests), range);
        form.layout.form_index = index as u8;
        self.requests = requests;
        self.replies.replace(index, form);
        self
    }

    /// Declares a reply that holds only a status.
    pub const fn reply_status(self) -> Self {
        self.reply(layout(4, STATUS))
    }

    /// Declares a reply that the driver does not read.
    pub const fn reply_unread(self) -> Self {
        self.reply(layout(0, &[]).not_read())
    }

    /// Declares a reply that repeats the request, header included, with the fields and
    /// tails of `layout`.
    pub const fn reply_echo(self, layout: Layout) -> Self {
        self.reply(layout.echo())
    }

    /// Adds notes for the reference.
    pub const fn notes(mut self, notes: &'static [&'static str]) -> Self {
        self.notes = notes;
        self
    }

    /// Fails the build if a form is missing.
    pub(crate) const fn check_forms(&self) {
        self.requests.check_lengths_covered(self.name);
        self.replies.check_lengths_covered(self.name);
    }

    /// The layouts of all forms of the request or host message, then of the reply.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.requests.layouts().chain(self.replies.layouts())
    }

    /// The layout of the request or host message at an interface version.
    pub fn request_at(&self, version: u32) -> Option<&Layout> {
        self.requests.for_version(version)
    }

    /// The layout of the reply at an interface version.
    pub fn reply_at(&self, version: u32) -> Option<&Layout> {
        self.replies.for_version(version)
    }
}
