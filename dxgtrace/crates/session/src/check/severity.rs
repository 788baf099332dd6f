//! The severity of a finding, and the layer that it is about.

use serde::{Deserialize, Serialize};

/// The severity of a finding. The names are those of Wireshark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Normal operation, worth knowing.
    Chat,
    /// Unusual, and harmless as far as is known.
    Note,
    /// Unusual, and possibly the cause of trouble.
    Warn,
    /// Violates the protocol, or makes a request fail.
    Error,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: &'static [Self] = &[Self::Chat, Self::Note, Self::Warn, Self::Error];

    /// The severity's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// What the severity means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Chat => "normal operation, worth knowing",
            Self::Note => "unusual, and harmless as far as is known",
            Self::Warn => "unusual, and possibly the cause of trouble",
            Self::Error => "violates the protocol, or makes a request fail",
        }
    }
}

/// The layer that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The application or its user-mode library.
    Library,
    /// The guest driver.
    Guest,
    /// VMBus and its rings.
    Transport,
    /// The Windows host.
    Host,
    /// The capture itself.
    Capture,
}

impl Layer {
    /// Every layer, from the application to the host.
    pub const ALL: &'static [Self] = &[
        Self::Library,
        Self::Guest,
        Self::Transport,
        Self::Host,
        Self::Capture,
    ];

    /// The layer's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Guest => "guest driver",
            Self::Transport => "transport",
            Self::Host => "host",
            Self::Capture => "capture",
        }
    }
}
