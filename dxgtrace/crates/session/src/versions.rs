//! Interface versions: what each side declares, and what the framing shows.

use crate::check::{Finding, FindingKind, InterfaceVersion};
use dxgtrace_protocol::decode::{Decoded, Frame};
use dxgtrace_protocol::table::framing::VERSION_EXTENDED;

/// What a side declares: the version it speaks, and the oldest it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DeclaredVersion {
    pub version: u32,
    pub compatible: u32,
}

/// The versions of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions {
    /// What the driver declared last.
    declared: Option<u32>,
    /// Whether the framing was reported to contradict it.
    reported: bool,
}

impl Versions {
    /// The negotiated version, as far as it was seen.
    pub fn declared(&self) -> Option<u32> {
        self.declared
    }

    /// The driver declares its versions.
    pub fn declare(&mut self, ours: DeclaredVersion, at: usize, found: &mut impl FnMut(Finding)) {
        self.declared = Some(ours.version);
        self.reported = false;
        if ours.version < VERSION_EXTENDED {
            let driver = InterfaceVersion(ours.version);
            found(Finding::new(FindingKind::VersionFallback { driver }).at(at));
        }
    }

    /// The host replies with its versions. The driver ignores them, so a host
    /// may leave them 0: then nothing is checked.
    pub fn answer(
        ours: DeclaredVersion,
        theirs: DeclaredVersion,
        at: usize,
        found: &mut impl FnMut(Finding),
    ) {
        if theirs.version == 0 {
            return;
        }
        let driver = InterfaceVersion(ours.version);
        let host = InterfaceVersion(theirs.version);
        let kind = if theirs.version < ours.compatible {
            FindingKind::VersionIncompatible {
                version: host,
                required: InterfaceVersion(ours.compatible),
            }
        } else if theirs.compatible > ours.version {
            FindingKind::VersionIncompatible {
                version: driver,
                required: InterfaceVersion(theirs.compatible),
            }
        } else if theirs.version > ours.version {
            FindingKind::VersionHostNewer { host, driver }
        } else if theirs.version < ours.version {
            FindingKind::VersionContradicts { host, driver }
        } else {
            return;
        };
        found(Finding::new(kind).at(at));
    }

    /// Compares the framing of a guest message with the version. Reports a
    /// contradiction once: all messages of a driver have the same framing.
    pub fn framing(
        &mut self,
        frame: &Frame,
        recorded: u32,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let version = match (self.declared, recorded) {
            (Some(declared), _) => declared,
            (None, 0) => return,
            (None, recorded) => recorded,
        };
        let extended = frame.extended.is_some();
        if extended == (version >= VERSION_EXTENDED) || self.reported {
            return;
        }
        self.reported = true;
        found(Finding::new(FindingKind::VersionFraming {
            message: decoded.name(),
            shown: InterfaceVersion(frame.version()),
            declared: InterfaceVersion(version),
        }));
    }
}
