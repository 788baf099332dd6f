//! An answer: one meaning of the input.

use serde::Serialize;

use dxgtrace_session::check::Layer;

/// The kind of thing that was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerKind {
    /// A status that the host returns.
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

/// A cause, and its layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerCause {
    /// Its layer; `None` if the input alone does not show it.
    pub layer: Option<Layer>,
    /// The cause, as a sentence.
    pub text: String,
}

/// A further detail: a label and a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerDetail {
    /// The label.
    pub label: &'static str,
    /// The text.
    pub text: String,
}

/// A known issue that the input belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownIssue {
    /// The rule's name.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// Where it is discussed.
    pub issues: Vec<String>,
}

/// One meaning of the input.
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
    /// Further details.
    pub more: Vec<AnswerDetail>,
    /// The known issues that it belongs to.
    pub known: Vec<KnownIssue>,
}

impl Answer {
    /// Creates an answer without causes and next step.
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

    /// Adds a cause.
    pub(super) fn with_cause(mut self, layer: Option<Layer>, text: impl Into<String>) -> Self {
        self.causes.push(AnswerCause {
            layer,
            text: text.into(),
        });
        self
    }

    /// Sets the next step.
    pub(super) fn with_next(mut self, text: impl Into<String>) -> Self {
        self.next = text.into();
        self
    }

    /// Adds a detail, unless `text` is empty.
    pub(super) fn with_detail(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.more.push(AnswerDetail { label, text });
        }
        self
    }
}
