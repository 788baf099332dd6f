//! Splits a recording into the runs of programs.

use super::Event;

/// Name of the phase before the first run: the driver starts.
pub const START_UP: &str = "start-up";
/// Name of the phase after the last run: the driver is unloaded.
pub const SHUT_DOWN: &str = "shut-down";

/// A stretch of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// The run's name, [`START_UP`] or [`SHUT_DOWN`].
    pub name: String,
    /// Its first event.
    pub start: usize,
    /// One past its last event.
    pub end: usize,
}

/// Splits a recording into its phases.
pub fn phases(events: &[Event]) -> Vec<Phase> {
    let mut phases = vec![Phase {
        name: START_UP.to_owned(),
        start: 0,
        end: events.len(),
    }];
    for (index, event) in events.iter().enumerate() {
        if event.ev != "ctl" {
            continue;
        }
        let text = event.text.trim();
        let name = match text.strip_prefix("mark run ") {
            Some(name) => name.trim(),
            None if matches!(text, "mark probes off" | "mark unload") => SHUT_DOWN,
            None => continue,
        };
        if let Some(last) = phases.last_mut() {
            if last.name == name {
                continue;
            }
            last.end = index;
        }
        phases.push(Phase {
            name: name.to_owned(),
            start: index,
            end: events.len(),
        });
    }
    phases
}
