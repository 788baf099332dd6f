//! What a capture holds, counted: by message, process and virtual GPU.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::time::duration;
use super::{Entry, Histogram, Sink, Totals};
use crate::capture::header::{ChannelKind, Direction, Known};
use crate::check::Finding;
use crate::decode::{Decoded, Part, Value, escaped};
use crate::protocol::schema::Object;
use crate::session::{Name, Outcome, Place, Session};

/// Processes told apart at most; later ones count together.
const PROCESSES_MAX: usize = 1 << 12;
/// Virtual GPUs told apart at most; more than that are made up.
const ADAPTERS_MAX: usize = 1 << 8;
/// Different failures told apart at most.
const FAILURES_MAX: usize = 1 << 10;
/// Requests listed at most that nobody has answered.
const PENDING_MAX: usize = 20;

/// Counts of one message, process or virtual GPU.
#[derive(Debug, Clone, Default)]
struct Row {
    messages: u64,
    failures: u64,
    sent: u64,
    received: u64,
    latency: Histogram,
}

impl Row {
    fn count(&mut self, entry: &Entry<'_>) {
        let header = &entry.packet.header;
        let bytes = u64::from(header.payload_length);
        match header.direction {
            Direction::GuestToHost => self.sent += bytes,
            Direction::HostToGuest => self.received += bytes,
        }
        if entry.seen.request.is_none() {
            self.messages += 1;
        }
        if let Some(latency) = entry.seen.latency(entry.packet) {
            self.latency.add(latency);
        }
        if entry.seen.outcome.is_some_and(Outcome::is_failure) {
            self.failures += 1;
        }
    }
}

/// Identifies a process: the host's number and the guest's.
type Process = (u32, u32);

/// Counts entries.
#[derive(Debug, Default)]
pub struct Statistics {
    messages: FxHashMap<&'static str, Row>,
    processes: FxHashMap<Process, (Name, Row)>,
    others: Row,
    adapters: FxHashMap<(u64, u32), Row>,
    channels: Vec<String>,
    failures: FxHashMap<(&'static str, Outcome), u64>,
    first: Option<u64>,
    last: u64,
}

impl Statistics {
    fn process(&mut self, entry: &Entry<'_>) {
        let header = &entry.packet.header;
        let request = entry.seen.request.as_ref();
        let frame = entry
            .seen
            .decoded
            .as_ref()
            .and_then(|decoded| decoded.frame);
        let handle = request.map(|request| request.process);
        let handle = handle.or(frame.map(|frame| frame.process)).unwrap_or(0);
        let (pid, comm) = match header.known.has(Known::TASK) {
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
        *name = Name { pid, comm };
        row.count(entry);
    }

    /// Writes the tables.
    pub fn write(
        &self,
        out: &mut impl Write,
        source: &str,
        totals: &Totals,
        session: &Session,
    ) -> io::Result<()> {
        let span = self.last.saturating_sub(self.first.unwrap_or(self.last));
        writeln!(
            out,
            "{source}: {} messages in {}, {} exchanges, {} unanswered, {} not sent, {} lost",
            totals.messages,
            duration(span),
            totals.exchanges,
            totals.unanswered,
            totals.refused,
            totals.lost
        )?;
        let mut rows: Vec<_> = self.messages.iter().collect();
        rows.sort_by_key(|(name, row)| (std::cmp::Reverse(row.messages), **name));
        let names = rows.iter().map(|(name, row)| ((**name).to_owned(), *row));
        table(out, "message", names)?;

        let mut rows: Vec<_> = self.processes.iter().collect();
        rows.sort_by_key(|(key, (_, row))| (std::cmp::Reverse(row.messages), **key));
        let others = (self.others.messages > 0).then(|| ("driver".to_owned(), &self.others));
        let names = rows.iter().map(|((handle, pid), (name, row))| {
            (format!("{}[{pid}] {handle:#x}", escaped(&name.comm)), row)
        });
        table(out, "process", names.chain(others))?;

        let mut rows: Vec<_> = self.adapters.iter().collect();
        rows.sort_by_key(|(key, _)| **key);
        let names = rows.iter().map(|((luid, channel), row)| {
            let luid = match luid {
                0 => String::new(),
                luid => format!(" {}", Value::Luid(*luid as u32, (*luid >> 32) as i32)),
            };
            let channel = self.channels.get(*channel as usize);
            let channel = channel.map_or("?", String::as_str);
            (format!("{channel}{luid}"), *row)
        });
        table(out, "virtual GPU", names)?;
        self.failed(out)?;
        pending(out, session)?;
        memory(out, session)
    }

    fn failed(&self, out: &mut impl Write) -> io::Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{:>9}  failures", "count")?;
        let text = |outcome: &Outcome| match outcome {
            Outcome::Status(status) => Value::Status(*status).to_string(),
            Outcome::NoHandle => "no handle".to_owned(),
            Outcome::Short => "answer too short".to_owned(),
            Outcome::Success | Outcome::Silent => String::new(),
        };
        let mut rows: Vec<_> = self
            .failures
            .iter()
            .map(|((name, outcome), count)| (*count, *name, text(outcome)))
            .collect();
        rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)).then(a.2.cmp(&b.2)));
        for (count, name, outcome) in rows {
            writeln!(out, "{count:>9}  {name}: {outcome}")?;
        }
        Ok(())
    }
}

fn table<'a>(
    out: &mut impl Write,
    what: &str,
    rows: impl Iterator<Item = (String, &'a Row)>,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {what}",
        "messages", "failed", "sent", "received", "min", "p50", "p99", "max"
    )?;
    for (name, row) in rows {
        let time = |value: Option<u64>| match value {
            Some(value) => duration(value).to_string(),
            None => "-".to_owned(),
        };
        let latency = &row.latency;
        writeln!(
            out,
            "{:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {name}",
            row.messages,
            row.failures,
            bytes(row.sent),
            bytes(row.received),
            time(latency.least()),
            time(latency.quantile(50)),
            time(latency.quantile(99)),
            time(latency.most()),
        )?;
    }
    Ok(())
}

/// What is still waited for at the end.
fn pending(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let waiting = session.waiting();
    if waiting.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:>9}  {:>9}  waiting at the end", "packet", "for")?;
    for request in waiting.iter().take(PENDING_MAX) {
        let age = session.now().saturating_sub(request.time);
        let who = match request.header.known.has(Known::TASK) {
            true => format!(
                " by {}[{}]",
                escaped(&request.header.comm),
                request.header.tid
            ),
            false => String::new(),
        };
        let (number, age) = (request.number, duration(age).to_string());
        writeln!(out, "{number:>9}  {age:>9}  {}{who}", request.name())?;
    }
    if let Some(more) = waiting
        .len()
        .checked_sub(PENDING_MAX)
        .filter(|more| *more > 0)
    {
        writeln!(out, "{:>9}  {:>9}  and {more} more", "", "")?;
    }
    Ok(())
}

/// What the processes that exist at the end have allocated.
fn memory(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let mut head = false;
    for node in session.objects() {
        let Place::Object(_, entity) = node.place else {
            continue;
        };
        if entity.kind != Some(Object::Process) || entity.bytes == 0 {
            continue;
        }
        if !head {
            writeln!(
                out,
                "\n{:>9} {:>9}  memory at the end",
                "allocated", "resident"
            )?;
            head = true;
        }
        let name = node.name.copied().unwrap_or_default();
        let (all, resident) = (bytes(entity.bytes), bytes(entity.resident));
        let (comm, pid, handle) = (escaped(&name.comm), name.pid, entity.handle);
        writeln!(out, "{all:>9} {resident:>9}  {comm}[{pid}] {handle:#x}")?;
    }
    Ok(())
}

/// A number of bytes with a unit that suits it.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = "B";
    let mut tenths = u128::from(count) * 10;
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1_024;
        unit = larger;
    }
    match unit {
        "B" => format!("{count} B"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

impl Sink for Statistics {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.first.get_or_insert(entry.packet.time);
        self.last = self.last.max(entry.packet.time);
        if !entry.packet.is_message() {
            return Ok(());
        }
        let decoded = entry.seen.decoded.as_ref();
        let name = decoded.map_or("not a message", Decoded::name);
        self.messages.entry(name).or_default().count(entry);
        if let Some(outcome) = entry.seen.outcome.filter(|outcome| outcome.is_failure()) {
            let full = self.failures.len() >= FAILURES_MAX;
            if !full || self.failures.contains_key(&(name, outcome)) {
                *self.failures.entry((name, outcome)).or_default() += 1;
            }
        }
        if decoded.is_some_and(|decoded| decoded.part != Part::Event) {
            self.process(entry);
        }
        let request = entry.seen.request.as_ref();
        let frame = decoded.and_then(|decoded| decoded.frame);
        let extended = frame.and_then(|frame| frame.extended);
        let luid = request.map_or(0, |request| request.vgpu_luid);
        let luid = extended.map_or(luid, |extended| extended.vgpu_luid);
        let vgpu = entry.packet.header.channel_kind == ChannelKind::Vgpu;
        if decoded.is_some() && (vgpu || luid != 0) {
            let key = (luid, entry.packet.interface);
            if self.adapters.len() < ADAPTERS_MAX || self.adapters.contains_key(&key) {
                self.adapters.entry(key).or_default().count(entry);
            }
        }
        if self.channels.len() < entry.channels.len() {
            self.channels = entry.channels.iter().map(|one| one.name.clone()).collect();
        }
        Ok(())
    }

    fn finding(&mut self, _: u64, _: &Finding) -> io::Result<()> {
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_have_the_unit_that_suits_them() {
        let text = [0, 1_023, 1_024, 1_536, 5 << 20, u64::MAX].map(bytes);
        assert_eq!(
            text,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "5.0 MiB",
                "16383.9 PiB"
            ]
        );
    }
}
