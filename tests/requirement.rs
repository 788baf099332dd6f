//! Skips tests whose requirements, such as a program or rights, are not met.

use std::io::Write;
use std::process::Command;

/// Set to `1` where nothing may be skipped, as in CI.
pub const NO_SKIP: &str = "DXGTRACE_NO_SKIP";

/// Prints on the terminal why a test is skipped, bypassing the test harness, which hides
/// the output of tests that pass.
///
/// # Panics
/// If [`NO_SKIP`] is set.
pub fn skip(reason: &str) {
    assert!(
        std::env::var_os(NO_SKIP).is_none_or(|value| value != "1"),
        "nothing may be skipped, but: {reason}"
    );
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    // The terminal may be closed.
    let _ = writeln!(std::io::stderr(), "skipped {name}: {reason}");
}

/// Whether a program can be run; if not, the test is skipped.
///
/// # Panics
/// As [`skip`].
pub fn program(name: &str) -> bool {
    let there = Command::new(name)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        skip(&format!("{name} is not installed"));
    }
    there
}

/// Whether the probe can be attached here; if not, the test is skipped.
///
/// # Panics
/// As [`skip`].
#[cfg(target_os = "linux")]
pub fn live() -> bool {
    use dxgtrace_live::{AttachError, CaptureOptions, CaptureTarget, Live};
    let options = CaptureOptions {
        target: CaptureTarget::StandIn(std::process::id()),
        ..CaptureOptions::default()
    };
    match Live::start(&options) {
        // The error for a process that is no stand-in shows that the rights suffice.
        Ok(_) | Err(AttachError::NoStandIn { .. }) => true,
        Err(error) => {
            skip(&error.to_string());
            false
        }
    }
}
