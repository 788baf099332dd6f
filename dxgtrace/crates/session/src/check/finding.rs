//! A finding: its kind and its location.

use std::fmt::{self, Display};

use super::codes::{Code, CodeDescription, FindingKind, ParameterDescription};
use super::severity::{Layer, Severity};

/// An observation about a packet. It holds numbers instead of text, so creating
/// it allocates nothing; `Display` writes its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// Which layer it is about: the code's, or the host if the code's layer is
    /// in the guest and the host sent the packet.
    pub layer: Layer,
    /// The index in the array, if the finding is about one of its elements.
    pub index: Option<u32>,
    /// The offset in the payload.
    pub at: u32,
}

// Findings are copied often, so they must fit into a cache line.
const _: () = assert!(size_of::<Finding>() <= 56);

impl Finding {
    /// A finding about a whole packet.
    pub const fn new(kind: FindingKind) -> Self {
        Self {
            kind,
            layer: kind.code().description().layer,
            index: None,
            at: 0,
        }
    }

    /// An example of a code, for the documentation.
    pub fn example(code: Code) -> Self {
        Self::new(code.example()).at(48)
    }

    /// The same finding at an offset in the payload.
    pub fn at(mut self, at: usize) -> Self {
        self.at = u32::try_from(at).unwrap_or(u32::MAX);
        self
    }

    /// The same finding about the element `index` of an array.
    pub fn at_element(mut self, index: Option<usize>) -> Self {
        self.index = index.and_then(|index| u32::try_from(index).ok());
        self
    }

    /// The same finding about a packet that the host sent: a finding about the
    /// sender, which the codes take for the guest, is then about the host.
    pub(super) fn about_host(mut self) -> Self {
        if matches!(self.layer, Layer::Guest | Layer::Library) {
            self.layer = Layer::Host;
        }
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.kind.code()
    }

    /// Its severity.
    pub const fn severity(&self) -> Severity {
        self.code().severity()
    }

    /// The field, array or message that it is about.
    pub const fn part(&self) -> &'static str {
        self.kind.part()
    }

    /// The description of its code.
    pub const fn description(&self) -> &'static CodeDescription {
        self.code().description()
    }

    /// The parameters as plain numbers, with their descriptions.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static ParameterDescription, u64)> {
        self.description()
            .parameters
            .iter()
            .zip(self.kind.numbers())
    }

    /// The finding as a comment on its packet: severity, code and sentence.
    pub fn comment(&self) -> String {
        let (severity, word) = (self.severity().name(), self.code().word());
        format!("{severity} {word}: {self}")
    }
}

/// The sentence.
impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.write_sentence(f, self.index, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::parameters::{ByteCount, FieldBits};

    #[test]
    fn a_sentence_names_the_element() {
        let bits = FieldBits(0x80);
        let finding = Finding::new(FindingKind::FlagUnknown {
            field: "flags",
            bits,
        });
        assert_eq!(
            finding.at_element(Some(3)).comment(),
            "note flag.unknown: flags[3] has bits 0x80 without a name"
        );
    }

    #[test]
    fn a_finding_on_a_packet_of_the_host_is_about_the_host() {
        let kind = FindingKind::SizeTrailing {
            trailing: ByteCount(8),
        };
        assert_eq!(Finding::new(kind).layer, Layer::Guest);
        assert_eq!(Finding::new(kind).about_host().layer, Layer::Host);
    }
}
