//! The signals of a capture.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use crate::commands::Failure;

/// Catches signals: SIGINT, SIGTERM and SIGHUP stop a capture, SIGUSR1 makes the flight
/// recorder write.
#[derive(Clone)]
pub struct Signals {
    /// The latest signal that stops the capture, or 0.
    end: Arc<AtomicUsize>,
    write: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers, which replace the default actions.
    ///
    /// # Errors
    /// A handler cannot be installed.
    pub fn install() -> Result<Self, Failure> {
        let signals = Self {
            end: Arc::default(),
            write: Arc::default(),
        };
        let ends = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .try_for_each(|signal| {
                let number = usize::try_from(signal).unwrap_or_default();
                signal_hook::flag::register_usize(signal, signals.end.clone(), number).map(drop)
            });
        ends.and_then(|()| signal_hook::flag::register(SIGUSR1, signals.write.clone()))
            .map_err(|error| Failure::Attach(format!("cannot catch signals: {error}")))?;
        Ok(signals)
    }

    /// Whether a signal to stop has come since the last call.
    pub fn take_stop(&self) -> bool {
        self.take_stop_signal() != 0
    }

    /// Whether SIGUSR1 has come since the last call.
    pub fn take_write(&self) -> bool {
        self.write.swap(false, Ordering::Relaxed)
    }

    /// The latest signal to stop since the last call, or 0.
    pub fn take_stop_signal(&self) -> i32 {
        i32::try_from(self.end.swap(0, Ordering::Relaxed)).unwrap_or_default()
    }
}
