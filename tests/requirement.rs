//! Tests that need more than a compiler: they say what they lack.

use std::io::Write;
use std::process::Command;

/// Set to `1` where nothing may be skipped, as in CI.
pub const NO_SKIP: &str = "DXGTRACE_NO_SKIP";

/// Says on the terminal that a test was skipped and why, past the test
/// harness, which would swallow it. Where nothing may be skipped, fails.
///
/// # Panics
/// If [`NO_SKIP`] is set.
pub fn skip(reason: &str) {
    assert!(
        std::env::var_os(NO_SKIP).is_none_or(|value| value != "1"),
        "nothing may be skipped, but: {reason}"
    );
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    // If the terminal is gone, nobody reads it anyway.
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
        // This process is no stand-in: what lacks is not a right.
        Ok(_) | Err(AttachError::NoStandIn { .. }) => true,
        Err(error) => {
            skip(&error.to_string());
            false
        }
    }
}
