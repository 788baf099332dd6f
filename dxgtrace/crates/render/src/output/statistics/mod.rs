//! Counts by message, process and virtual GPU.

pub(super) mod amount;
mod fences;
mod json_lines;
mod tables;

pub use fences::WaitText;

use std::cmp::Reverse;
use std::io;

use rustc_hash::FxHashMap;

use super::Histogram;
use dxgtrace_protocol::decode::{Decoded, MessagePart, Value, escaped, utf16};
use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{ChannelKind, Direction, KnownFields};
use dxgtrace_protocol::schema::FailureImpact;
use dxgtrace_protocol::table;
use dxgtrace_session::entry::{Entry, Sink};
use dxgtrace_session::{MemoryAccount, ProcessName, ReplyOutcome, Session};

/// Maximum number of processes. Further ones are counted together.
const PROCESSES_MAX: usize = 1 << 12;
/// Maximum number of virtual GPUs. Further ones are not counted: no real system has as
/// many.
const ADAPTERS_MAX: usize = 1 << 8;
/// Maximum number of startup steps.
const STEPS_MAX: usize = 32;
/// Maximum number of different failures.
const FAILURES_MAX: usize = 1 << 10;
/// Counts of one message, process or virtual GPU.
#[derive(Debug, Clone, Default)]
struct CountRow {
    messages: u64,
    failures: u64,
    sent: u64,
    received: u64,
    latency: Histogram,
}

impl CountRow {
    fn count(&mut self, entry: &Entry<'_>) {
        let header = entry.packet.header;
        let bytes = u64::from(header.payload_length);
        match header.direction {
            Direction::GuestToHost => self.sent += bytes,
            Direction::HostToGuest => self.received += bytes,
        }
        if entry.request.is_none() {
            self.messages += 1;
        }
        if let Some(latency) = entry.latency() {
            self.latency.add(latency);
        }
        if entry.analysis.outcome.is_some_and(ReplyOutcome::is_failure) {
            self.failures += 1;
        }
    }
}

/// Identifies a process: its handle on the host and its id in the guest.
type ProcessKey = (u32, u32);

/// Counts entries.
#[derive(Debug, Default)]
pub struct Statistics {
    messages: FxHashMap<&'static str, CountRow>,
    processes: FxHashMap<ProcessKey, (ProcessName, CountRow)>,
    others: CountRow,
    adapters: FxHashMap<(u64, u32), CountRow>,
    channels: Vec<Channel>,
    failures: FxHashMap<(&'static str, ReplyOutcome), u64>,
    steps: Vec<VitalStep>,
    /// The longest time without a packet, and the packet that ended it.
    pause: (u64, u64),
    first: Option<u64>,
    last: u64,
}

/// A startup step without which the driver cannot continue: the first message of its kind
/// on its channel.
#[derive(Debug)]
struct VitalStep {
    message: &'static str,
    channel: String,
    packet: u64,
    /// Latency in nanoseconds and outcome of the reply.
    answer: Option<(u64, String)>,
}

impl Statistics {
    fn process(&mut self, entry: &Entry<'_>) {
        let header = entry.packet.header;
        let request = entry.request;
        let frame = entry
            .analysis
            .decoded
            .as_ref()
            .and_then(|decoded| decoded.frame);
        let handle = request.map(|request| request.process);
        let handle = handle.or(frame.map(|frame| frame.process)).unwrap_or(0);
        let (pid, comm) = match header.known.has(KnownFields::TASK) {
            true => (header.pid, header.comm),
            false => (0, [0; 16]),
        };
        if handle == 0 {
            return self.others.count(entry);
        }
        let full = self.processes.len() >= PROCESSES_MAX;
        if full && !self.processes.contains_key(&(handle, pid)) {
            return self.others.count(entry);
        }
        let (name, row) = self.processes.entry((handle, pid)).or_default();
        *name = ProcessName { pid, comm };
        row.count(entry);
    }

    /// Records a startup step or its reply.
    fn step(&mut self, entry: &Entry<'_>) {
        let Some(decoded) = &entry.analysis.decoded else {
            return;
        };
        let Some(message) = decoded
            .message
            .filter(|one| one.impact == FailureImpact::Vital)
        else {
            return;
        };
        if let Some(request) = entry.request {
            let mut steps = self.steps.iter_mut();
            if let Some(step) = steps.find(|step| step.packet == request.number) {
                let said = match (decoded.status(), entry.analysis.outcome) {
                    (_, Some(ReplyOutcome::Short { status })) => short_answer(status),
                    (_, Some(ReplyOutcome::NoHandle)) => "no handle".to_owned(),
                    (Some(status), _) => Value::Status(status).to_string(),
                    (None, _) => "answered".to_owned(),
                };
                step.answer = Some((entry.latency().unwrap_or(0), said));
            }
            return;
        }
        let channel = entry.channel_name();
        let known = |step: &VitalStep| step.message == message.name && step.channel == channel;
        if decoded.part == MessagePart::Request
            && self.steps.len() < STEPS_MAX
            && !self.steps.iter().any(known)
        {
            self.steps.push(VitalStep {
                message: message.name,
                channel: channel.to_owned(),
                packet: entry.packet.number,
                answer: None,
            });
        }
    }

    /// The startup steps that were not captured, if others were.
    fn unseen(&self) -> impl Iterator<Item = &'static str> {
        table::all()
            .filter(|message| message.impact == FailureImpact::Vital && !self.steps.is_empty())
            .map(|message| message.name)
            .filter(|name| !self.steps.iter().any(|step| step.message == *name))
    }

    /// Time from the first packet to the last in nanoseconds.
    fn span(&self) -> u64 {
        self.last.saturating_sub(self.first.unwrap_or(self.last))
    }

    /// The counts by message, highest first.
    fn by_message(&self) -> Vec<(&'static str, &CountRow)> {
        let mut rows: Vec<_> = self
            .messages
            .iter()
            .map(|(name, row)| (*name, row))
            .collect();
        rows.sort_by_key(|(name, row)| (Reverse(row.messages), *name));
        rows
    }

    /// The counts by process, highest first; last, those without a process.
    fn by_process(&self) -> Vec<(String, &CountRow)> {
        let mut rows: Vec<_> = self.processes.iter().collect();
        rows.sort_by_key(|(key, (_, row))| (Reverse(row.messages), **key));
        let others = (self.others.messages > 0).then(|| ("driver".to_owned(), &self.others));
        rows.into_iter()
            .map(|((handle, _), (name, row))| (process_text(name, u64::from(*handle)), row))
            .chain(others)
            .collect()
    }

    /// The counts by virtual GPU.
    fn by_adapter(&self, session: &Session) -> Vec<(String, &CountRow)> {
        let mut rows: Vec<_> = self.adapters.iter().collect();
        rows.sort_by_key(|(key, _)| **key);
        let name = |luid: u64, interface: u32| {
            let channel = self.channels.get(interface as usize);
            let mut name = channel.map_or_else(|| "?".to_owned(), |channel| channel.name.clone());
            if luid != 0 {
                let luid = Value::Luid(luid as u32, (luid >> 32) as i32);
                name.push_str(&format!(" {luid}"));
            }
            let relid = channel.map(|channel| channel.relid);
            let mut adapters = session.adapters().iter();
            let adapter = adapters.find(|adapter| {
                adapter.channel == relid || luid != 0 && adapter.luids.contains(&luid)
            });
            if let Some(adapter) = adapter
                && adapter.name().iter().any(|byte| *byte != 0)
            {
                name.push_str(&format!(" {}", utf16(adapter.name())));
            }
            name
        };
        rows.into_iter()
            .map(|((luid, interface), row)| (name(*luid, *interface), row))
            .collect()
    }

    /// The failures, most frequent first: count, message, outcome.
    fn by_failure(&self) -> Vec<(u64, &'static str, String)> {
        let text = |outcome: &ReplyOutcome| match outcome {
            ReplyOutcome::Status(status) => Value::Status(*status).to_string(),
            ReplyOutcome::NoHandle => "no handle".to_owned(),
            ReplyOutcome::Short { status } => short_answer(*status),
            ReplyOutcome::Success | ReplyOutcome::Unstated => String::new(),
        };
        let mut rows: Vec<_> = self
            .failures
            .iter()
            .map(|((name, outcome), count)| (*count, *name, text(outcome)))
            .collect();
        rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)).then(a.2.cmp(&b.2)));
        rows
    }

    /// The process of a memory account.
    fn process_of(&self, account: &MemoryAccount) -> ProcessName {
        let of = |(handle, pid): &ProcessKey| {
            u64::from(*handle) == account.process && (account.pid == 0 || *pid == account.pid)
        };
        let mut known = self.processes.iter().filter(|(key, _)| of(key));
        known.next().map_or(
            ProcessName {
                pid: account.pid,
                comm: [0; 16],
            },
            |(_, (name, _))| *name,
        )
    }

    /// The name of the virtual GPU of a memory account.
    fn adapter_name(&self, account: &MemoryAccount, session: &Session) -> String {
        let number = account.adapter.map(usize::from);
        let adapter = number.and_then(|number| session.adapters().get(number));
        let Some(adapter) = adapter else {
            return "?".to_owned();
        };
        let mut channels = self.channels.iter();
        let channel = channels.find(|channel| Some(channel.relid) == adapter.channel);
        let luid = adapter.luids.iter().rev().find(|luid| **luid != 0);
        match (channel, luid) {
            (Some(channel), _) => channel.name.clone(),
            (None, Some(luid)) => Value::Luid(*luid as u32, (luid >> 32) as i32).to_string(),
            (None, None) => "?".to_owned(),
        }
    }
}

/// Formats a process.
fn process_text(name: &ProcessName, handle: u64) -> String {
    format!("{}[{}] {handle:#x}", escaped(&name.comm), name.pid)
}

impl Sink for Statistics {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.first.get_or_insert(entry.packet.time);
        if self.last > 0 {
            let pause = entry.packet.time.saturating_sub(self.last);
            self.pause = self.pause.max((pause, entry.packet.number));
        }
        self.last = self.last.max(entry.packet.time);
        if !entry.packet.is_message() {
            return Ok(());
        }
        self.step(entry);
        let decoded = entry.analysis.decoded.as_ref();
        let name = decoded.map_or("not a message", Decoded::name);
        self.messages.entry(name).or_default().count(entry);
        if let Some(outcome) = entry
            .analysis
            .outcome
            .filter(|outcome| outcome.is_failure())
        {
            let full = self.failures.len() >= FAILURES_MAX;
            if !full || self.failures.contains_key(&(name, outcome)) {
                *self.failures.entry((name, outcome)).or_default() += 1;
            }
        }
        if decoded.is_some_and(|decoded| decoded.part != MessagePart::Event) {
            self.process(entry);
        }
        let request = entry.request;
        let frame = decoded.and_then(|decoded| decoded.frame);
        let extended = frame.and_then(|frame| frame.extended);
        let luid = request.map_or(0, |request| request.vgpu_luid);
        let luid = extended.map_or(luid, |extended| extended.vgpu_luid);
        let vgpu = entry.packet.header.channel_kind == ChannelKind::Vgpu;
        if let Some(decoded) = decoded
            && (vgpu || luid != 0)
        {
            let interface = entry.packet.interface;
            // A message of the host has no LUID: it counts with the channel's
            // others.
            let known = self.adapters.keys().filter(|key| key.1 == interface);
            let key = match decoded.part {
                MessagePart::Event => known.max().copied().unwrap_or((luid, interface)),
                MessagePart::Request | MessagePart::Reply => (luid, interface),
            };
            if self.adapters.len() < ADAPTERS_MAX || self.adapters.contains_key(&key) {
                self.adapters.entry(key).or_default().count(entry);
            }
        }
        if self.channels.len() < entry.channels.len() {
            self.channels = entry.channels.to_vec();
        }
        Ok(())
    }
}

/// An answer that the driver did not read, with the status in it.
fn short_answer(status: Option<u32>) -> String {
    match status {
        Some(status) => format!("answer too short: {}", Value::Status(status)),
        None => "answer too short".to_owned(),
    }
}
