//! Interface versions: what each side declares, and what the framing shows.

use crate::check::{Code, Finding};
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
    /// Whether it was said that the framing contradicts it.
    told: bool,
}

impl Versions {
    /// The negotiated version, as far as it was seen.
    pub fn declared(&self) -> Option<u32> {
        self.declared
    }

    /// The driver declares its versions.
    pub fn declare(&mut self, ours: DeclaredVersion, at: usize, found: &mut impl FnMut(Finding)) {
        self.declared = Some(ours.version);
        self.told = false;
        if ours.version < VERSION_EXTENDED {
            let finding = Finding::new(
                Code::VersionFallback,
                "interface version",
                u64::from(ours.version),
                u64::from(VERSION_EXTENDED),
            );
            found(finding.at(at));
        }
    }

    /// The host answers with its own. The driver does not look, so a host may
    /// leave them 0: then it said nothing.
    pub fn answer(
        ours: DeclaredVersion,
        theirs: DeclaredVersion,
        at: usize,
        found: &mut impl FnMut(Finding),
    ) {
        if theirs.version == 0 {
            return;
        }
        let (code, a, b) = if theirs.version < ours.compatible {
            (Code::VersionIncompatible, theirs.version, ours.compatible)
        } else if theirs.compatible > ours.version {
            (Code::VersionIncompatible, ours.version, theirs.compatible)
        } else if theirs.version > ours.version {
            (Code::VersionHostNewer, theirs.version, ours.version)
        } else if theirs.version < ours.version {
            (Code::VersionContradicts, theirs.version, ours.version)
        } else {
            return;
        };
        let finding = Finding::new(code, "interface version", u64::from(a), u64::from(b));
        found(finding.at(at));
    }

    /// Compares a guest message's framing with the version. Says so once:
    /// all messages of a driver have the same.
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
        if extended == (version >= VERSION_EXTENDED) || self.told {
            return;
        }
        self.told = true;
        let shows = u64::from(frame.version());
        found(Finding::new(
            Code::VersionFraming,
            decoded.name(),
            shows,
            u64::from(version),
        ));
    }
}
