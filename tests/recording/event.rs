//! Lines of a recording.

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// One line; members that an event lacks are empty.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub struct Event {
    /// What happened.
    pub ev: String,
    /// When, in nanoseconds since the machine started.
    pub ts: u64,
    /// Channel name.
    pub chan: String,
    /// Channel number.
    pub relid: u32,
    /// VMBus packet type.
    #[serde(rename = "type")]
    pub packet_type: u16,
    /// Transaction id.
    pub tid: u64,
    /// VMBus packet flags.
    pub flags: u16,
    /// What the send function returned.
    pub ret: i32,
    /// Processor.
    pub cpu: u32,
    /// Thread.
    pub pid: u32,
    /// Thread group.
    pub tgid: u32,
    /// Task name.
    pub comm: String,
    /// Payload length in bytes.
    pub len: u32,
    /// Payload.
    pub hex: String,
    /// Text of a control record.
    pub text: String,
}

impl Event {
    /// The payload's bytes.
    pub fn payload(&self) -> Result<Vec<u8>> {
        let digits = self.hex.as_bytes();
        if !digits.len().is_multiple_of(2) {
            bail!("odd number of digits");
        }
        digits
            .chunks(2)
            .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
            .collect()
    }

    /// The task name as the kernel has it.
    pub fn comm(&self) -> [u8; 16] {
        let mut comm = [0; 16];
        for (to, from) in comm.iter_mut().take(15).zip(self.comm.bytes()) {
            *to = from;
        }
        comm
    }
}

/// Reads a whole recording.
pub fn read(input: impl BufRead) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let event = serde_json::from_str(&line).with_context(|| format!("line {}", number + 1))?;
        events.push(event);
    }
    Ok(events)
}
