//! Checks interface versions: those that driver and host declare, and the one
//! that the framing shows.

use crate::check::{Finding, FindingKind, InterfaceVersion};
use dxgtrace_protocol::decode::{Decoded, Frame};
use dxgtrace_protocol::table::framing::VERSION_EXTENDED;

/// The versions that one side declares: the one it uses, and the oldest it
/// accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DeclaredVersion {
    pub version: u32,
    pub compatible: u32,
}

/// The versions of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions {
    /// The version that the driver declared last.
    driver_version: Option<u32>,
    /// Whether a contradiction between framing and version was reported.
    framing_reported: bool,
}

impl Versions {
    /// The version that the driver declared last, if it was captured.
    pub fn driver_version(&self) -> Option<u32> {
        self.driver_version
    }

    /// Records the versions that the driver declares; `at` is their offset in
    /// the payload.
    pub fn on_driver_version(
        &mut self,
        driver_versions: DeclaredVersion,
        at: usize,
        found: &mut impl FnMut(Finding),
    ) {
        self.driver_version = Some(driver_versions.version);
        self.framing_reported = false;
        if driver_versions.version < VERSION_EXTENDED {
            let driver = InterfaceVersion(driver_versions.version);
            found(Finding::new(FindingKind::VersionFallback { driver }).at(at));
        }
    }

    /// Compares the host's versions with the driver's. The driver ignores them,
    /// so a host may leave them 0; then nothing is checked.
    pub fn check_host_version(
        driver_versions: DeclaredVersion,
        host_versions: DeclaredVersion,
        at: usize,
        found: &mut impl FnMut(Finding),
    ) {
        if host_versions.version == 0 {
            return;
        }
        let driver = InterfaceVersion(driver_versions.version);
        let host = InterfaceVersion(host_versions.version);
        let kind = if host_versions.version < driver_versions.compatible {
            FindingKind::VersionIncompatible {
                version: host,
                required: InterfaceVersion(driver_versions.compatible),
            }
        } else if host_versions.compatible > driver_versions.version {
            FindingKind::VersionIncompatible {
                version: driver,
                required: InterfaceVersion(host_versions.compatible),
            }
        } else if host_versions.version > driver_versions.version {
            FindingKind::VersionHostNewer { host, driver }
        } else if host_versions.version < driver_versions.version {
            FindingKind::VersionContradicts { host, driver }
        } else {
            return;
        };
        found(Finding::new(kind).at(at));
    }

    /// Compares the framing of a guest message with the declared version, or
    /// with the `recorded` one if none was declared. Reports a contradiction
    /// once, because all messages of a driver have the same framing.
    pub fn check_framing(
        &mut self,
        frame: &Frame,
        recorded: u32,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let version = match (self.driver_version, recorded) {
            (Some(declared), _) => declared,
            (None, 0) => return,
            (None, recorded) => recorded,
        };
        let extended = frame.extended.is_some();
        if extended == (version >= VERSION_EXTENDED) || self.framing_reported {
            return;
        }
        self.framing_reported = true;
        found(Finding::new(FindingKind::VersionFraming {
            message: decoded.name(),
            shown: InterfaceVersion(frame.version()),
            declared: InterfaceVersion(version),
        }));
    }
}
