//! Signals that a capture heeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use crate::commands::Failure;

/// SIGINT, SIGTERM and SIGHUP end a capture in order; SIGUSR1 makes the flight
/// recorder write.
#[derive(Clone)]
pub struct Signals {
    /// The latest signal that asks for the end, or 0.
    end: Arc<AtomicUsize>,
    write: Arc<AtomicBool>,
}

impl Signals {
    /// From now on, these signals do nothing by themselves.
    ///
    /// # Errors
    /// The system refuses.
    pub fn catch() -> Result<Self, Failure> {
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

    /// Whether a signal has asked for the end since this was asked last.
    pub fn stop(&self) -> bool {
        self.taken() != 0
    }

    /// Whether SIGUSR1 has come since this was asked last.
    pub fn write(&self) -> bool {
        self.write.swap(false, Ordering::Relaxed)
    }

    /// The latest signal that asks for the end since this was asked last, or 0.
    pub fn taken(&self) -> i32 {
        i32::try_from(self.end.swap(0, Ordering::Relaxed)).unwrap_or_default()
    }
}
