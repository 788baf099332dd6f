//! One meaning of a thing, and how it is put into JSON.

use serde::Serialize;

use dxgtrace_session::check::Layer;

/// What kind of thing was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerKind {
    /// A status that the host answers.
    Status,
    /// An error number of the guest.
    Errno,
    /// A line of the kernel log.
    Log,
    /// A code of `dxgtrace check`.
    Finding,
    /// A message of the protocol.
    Message,
    /// A field of a message.
    Field,
    /// An ioctl of `/dev/dxg`.
    Ioctl,
    /// An object's handle.
    Handle,
    /// A VMBus channel's interface type.
    Channel,
    /// A known issue.
    Issue,
    /// A code of a library above the driver.
    Code,
}

impl AnswerKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Status,
        Self::Errno,
        Self::Log,
        Self::Finding,
        Self::Message,
        Self::Field,
        Self::Ioctl,
        Self::Handle,
        Self::Channel,
        Self::Issue,
        Self::Code,
    ];

    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status of the host",
            Self::Errno => "errno",
            Self::Log => "line of the kernel log",
            Self::Finding => "finding",
            Self::Message => "message",
            Self::Field => "field",
            Self::Ioctl => "ioctl",
            Self::Handle => "handle",
            Self::Channel => "VMBus channel",
            Self::Issue => "known issue",
            Self::Code => "code of a library",
        }
    }
}

/// A reason, and the layer that it lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerCause {
    /// Where it lies; `None` if that cannot be told from the thing alone.
    pub layer: Option<Layer>,
    /// In a sentence.
    pub text: String,
}

/// Something else to know: a label and a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerDetail {
    /// What it is about.
    pub label: &'static str,
    /// What there is to say.
    pub text: String,
}

/// A known issue that the thing belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownIssue {
    /// The rule's name.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// Where it is discussed.
    pub issues: Vec<String>,
}

/// One meaning of a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What kind of thing it is.
    pub kind: AnswerKind,
    /// Its name, with its number if it has one.
    pub name: String,
    /// What it means.
    pub what: String,
    /// Why it happens.
    pub causes: Vec<AnswerCause>,
    /// What to do next; empty if there is nothing to do.
    pub next: String,
    /// What else there is to know.
    pub more: Vec<AnswerDetail>,
    /// Known issues.
    pub known: Vec<KnownIssue>,
}

impl Answer {
    /// A meaning with neither cause nor next step yet.
    pub(super) fn new(kind: AnswerKind, name: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            what: what.into(),
            causes: Vec::new(),
            next: String::new(),
            more: Vec::new(),
            known: Vec::new(),
        }
    }

    /// The same with a cause.
    pub(super) fn cause(mut self, layer: Option<Layer>, text: impl Into<String>) -> Self {
        self.causes.push(AnswerCause {
            layer,
            text: text.into(),
        });
        self
    }

    /// The same with a next step.
    pub(super) fn next(mut self, text: impl Into<String>) -> Self {
        self.next = text.into();
        self
    }

    /// The same with something more to know; nothing if `text` is empty.
    pub(super) fn more(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.more.push(AnswerDetail { label, text });
        }
        self
    }
}
