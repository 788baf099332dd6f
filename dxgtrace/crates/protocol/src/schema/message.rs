//! A message: how it travels, its request, its replies.

use super::field::{Field, status};
use super::layout::{Fact, Layout, layout};
use super::ty::{DriverEra, MessageSet};
use super::{HEADER, MAX_FACTS};
use crate::schema::text::stop;

/// The process that the command header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
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
pub enum Weight {
    /// The caller's operation fails.
    Ordinary,
    /// Nothing: callers ask whether something is there, and are told no.
    Probe,
    /// The driver cannot go on.
    Vital,
}

/// What begins anew when the message is the first one on its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    /// Nothing.
    Nothing,
    /// The driver: no object is older.
    Driver,
    /// A virtual GPU.
    Adapter,
}

/// One form of the reply.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    /// The lowest interface version that uses it.
    pub version: u32,
    /// Its shape.
    pub layout: Layout,
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
    pub subject: Subject,
    /// What a refusal means.
    pub weight: Weight,
    /// What begins with it.
    pub starts: Starts,
    /// The request's or host message's shape, if it is known.
    pub request: Option<Layout>,
    /// The reply's shapes, newest interface version first.
    pub replies: [Option<Reply>; 2],
    /// What the replies need of the request.
    pub facts: [Fact; MAX_FACTS],
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
            subject: Subject::Unknown,
            weight: Weight::Ordinary,
            starts: Starts::Nothing,
            request: None,
            replies: [None, None],
            facts: [Fact::None; MAX_FACTS],
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
    pub const fn subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// What a refusal means, if not that an operation fails.
    pub const fn weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// What begins with it.
    pub const fn starts(mut self, starts: Starts) -> Self {
        self.starts = starts;
        self
    }

    /// The guest sends this and waits.
    pub const fn request(mut self, layout: Layout) -> Self {
        self.request = Some(layout.resolve(self.name, HEADER, None, &mut self.facts));
        self.mode = ReplyMode::Sync;
        if let Subject::Unknown = self.subject {
            self.subject = Subject::Caller;
        }
        self
    }

    /// The host sends this; there is no reply.
    pub const fn event(mut self, layout: Layout) -> Self {
        self.request = Some(layout.resolve(self.name, HEADER, None, &mut self.facts));
        self.mode = ReplyMode::OneWay;
        self
    }

    /// The host answers with this.
    pub const fn reply(self, layout: Layout) -> Self {
        self.reply_since(0, layout)
    }

    /// The host answers with this from an interface version on. Newest first.
    pub const fn reply_since(mut self, version: u32, layout: Layout) -> Self {
        let request = self.request;
        let layout = layout.resolve(self.name, 0, request.as_ref(), &mut self.facts);
        self.add_reply(Reply { version, layout })
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
    pub const fn reply_echo(mut self, mut layout: Layout) -> Self {
        let request = self.request;
        layout.echo = true;
        let layout = layout.resolve(self.name, HEADER, request.as_ref(), &mut self.facts);
        self.add_reply(Reply { version: 0, layout })
    }

    /// What else one should know.
    pub const fn notes(mut self, notes: &'static [&'static str]) -> Self {
        self.notes = notes;
        self
    }

    const fn add_reply(mut self, reply: Reply) -> Self {
        if self.request.is_none() {
            stop(self.name, "has a reply before its", "request");
        }
        match self.replies {
            [None, _] => self.replies[0] = Some(reply),
            [Some(first), None] if first.version > reply.version => self.replies[1] = Some(reply),
            _ => stop(self.name, "has its replies out of order:", "newest first"),
        }
        self
    }

    /// The reply's shape at an interface version.
    pub fn reply_at(&self, version: u32) -> Option<&Layout> {
        self.replies
            .iter()
            .flatten()
            .find(|reply| reply.version <= version)
            .map(|reply| &reply.layout)
    }
}
