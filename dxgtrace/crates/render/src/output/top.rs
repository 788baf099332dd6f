//! Counts within an interval, by process and channel.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::Histogram;
use super::statistics::amount::{bytes, time};
use super::time::duration;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::record::header::{KnownFields, LostPackets, RecordKind};
use dxgtrace_session::entry::{Entry, Sink};
use dxgtrace_session::{ReplyOutcome, Session};

/// Maximum number of rows. Further processes are counted as unknown.
const ROWS_MAX: usize = 1 << 12;

/// Counts of a process on a channel.
#[derive(Debug, Clone, Default)]
struct TopRow {
    comm: [u8; 16],
    /// The handle of the process on the host.
    handle: u32,
    messages: u64,
    failures: u64,
    bytes: u64,
    latency: Histogram,
}

/// Counts entries until the counts are written and reset.
#[derive(Debug, Default)]
pub struct TopCounts {
    /// Counts by process id, 0 if unknown, and channel.
    rows: FxHashMap<(u32, u32), TopRow>,
    channels: Vec<String>,
    first: Option<u64>,
    last: u64,
    lost: u64,
}

/// A [`TopCounts`] shared between the sink that counts and the owner that writes the
/// table.
#[derive(Debug, Clone, Default)]
pub struct SharedTop(pub Rc<RefCell<TopCounts>>);

/// The JSON record of a row.
#[derive(Serialize)]
struct TopRecord<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// End of the interval in nanoseconds since 1970-01-01 UTC.
    time: String,
    /// Length of the interval in nanoseconds.
    span: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    comm: String,
    channel: &'a str,
    messages: u64,
    failures: u64,
    bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident: Option<String>,
}

/// Times from request to reply in nanoseconds.
#[derive(Serialize)]
struct Latency {
    p50: String,
    p99: String,
    max: String,
}

impl TopCounts {
    fn count(&mut self, entry: &Entry<'_>) {
        let header = entry.packet.header;
        self.first.get_or_insert(entry.packet.time);
        self.last = self.last.max(entry.packet.time);
        if header.kind == RecordKind::Lost {
            self.lost += LostPackets::decode(entry.packet.payload).map_or(0, |lost| lost.total());
        }
        if header.kind != RecordKind::Packet {
            return;
        }
        if self.channels.len() < entry.channels.len() {
            self.channels = entry.channels.iter().map(|one| one.name.clone()).collect();
        }
        let pid = if header.known.has(KnownFields::TASK) {
            header.pid
        } else {
            0
        };
        let mut key = (pid, entry.packet.interface);
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key) {
            key.0 = 0;
        }
        let row = self.rows.entry(key).or_default();
        row.messages += 1;
        row.bytes += u64::from(header.payload_length);
        row.failures += u64::from(entry.analysis.outcome.is_some_and(ReplyOutcome::is_failure));
        if let Some(latency) = entry.latency() {
            row.latency.add(latency);
        }
        if key.0 != 0 {
            row.comm = header.comm;
            let decoded = entry.analysis.decoded.as_ref();
            let frame = decoded.and_then(|decoded| decoded.frame);
            let asked = entry.request.map(|request| request.process);
            let handle = asked.or(frame.map(|frame| frame.process));
            row.handle = handle.filter(|handle| *handle != 0).unwrap_or(row.handle);
        }
    }

    /// Time from the first packet to the last in nanoseconds.
    pub fn span(&self) -> u64 {
        self.last.saturating_sub(self.first.unwrap_or(self.last))
    }

    /// Writes the counts of an interval of `span` nanoseconds as a table, busiest rows
    /// first, with at most `most` rows.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(
        &self,
        out: &mut impl Write,
        span: u64,
        session: &Session,
        most: usize,
    ) -> io::Result<()> {
        let messages: u64 = self.rows.values().map(|row| row.messages).sum();
        writeln!(
            out,
            "{messages} messages in {}, {}/s, {} lost, {} waiting",
            duration(span),
            rate_text(messages, span),
            self.lost,
            session.waiting_requests().len()
        )?;
        writeln!(
            out,
            "{:>8} {:>7} {:>6} {:>7} {:>6} {:>6} {:>6} {:>8}  {:<7} process",
            "messages", "per s", "failed", "bytes/s", "p50", "p99", "max", "resident", "channel"
        )?;
        let time = |value: Option<u64>| value.map_or("-".to_owned(), time);
        for ((pid, channel), row) in self.sorted().into_iter().take(most) {
            let resident = resident(row, session).map_or("-".to_owned(), bytes);
            let who = match pid {
                0 => "-".to_owned(),
                _ => format!("{}[{pid}]", escaped(&row.comm)),
            };
            writeln!(
                out,
                "{:>8} {:>7} {:>6} {:>7} {:>6} {:>6} {:>6} {resident:>8}  {:<7} {who}",
                row.messages,
                rate_text(row.messages, span),
                row.failures,
                bytes(per_second(row.bytes, span) as u64),
                time(row.latency.percentile(50)),
                time(row.latency.percentile(99)),
                time(row.latency.max()),
                self.channel(channel),
            )?;
        }
        let left = self.rows.len().saturating_sub(most);
        if left > 0 {
            writeln!(out, "{left:>8} more")?;
        }
        out.flush()
    }

    /// Writes the counts of an interval of `span` nanoseconds, which ends at `time`, as JSON
    /// lines.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(
        &self,
        out: &mut impl Write,
        span: u64,
        session: &Session,
        time: u64,
    ) -> io::Result<()> {
        let latency = |of: &Histogram| {
            Some(Latency {
                p50: of.percentile(50)?.to_string(),
                p99: of.percentile(99)?.to_string(),
                max: of.max()?.to_string(),
            })
        };
        for ((pid, channel), row) in self.sorted() {
            let record = TopRecord {
                kind: "top",
                time: time.to_string(),
                span: span.to_string(),
                pid: (pid != 0).then_some(pid),
                comm: escaped(&row.comm).to_string(),
                channel: self.channel(channel),
                messages: row.messages,
                failures: row.failures,
                bytes: row.bytes.to_string(),
                latency: latency(&row.latency),
                resident: resident(row, session).map(|bytes| bytes.to_string()),
            };
            serde_json::to_writer(&mut *out, &record)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Time of the last packet in nanoseconds since 1970-01-01 UTC.
    pub fn last_time(&self) -> u64 {
        self.last
    }

    /// Resets the counts. Rows that were counted remain.
    pub fn reset(&mut self) {
        self.first = None;
        self.lost = 0;
        self.rows.retain(|_, row| row.messages > 0);
        for row in self.rows.values_mut() {
            *row = TopRow {
                comm: row.comm,
                handle: row.handle,
                ..TopRow::default()
            };
        }
    }

    fn sorted(&self) -> Vec<((u32, u32), &TopRow)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(key, row)| (*key, row)).collect();
        rows.sort_by_key(|(key, row)| (std::cmp::Reverse(row.messages), *key));
        rows
    }

    fn channel(&self, number: u32) -> &str {
        let name = self.channels.get(number as usize);
        name.map_or("?", String::as_str)
    }
}

/// Resident memory of the process in bytes, if known.
fn resident(row: &TopRow, session: &Session) -> Option<u64> {
    let (process, _) = session.process(row.handle)?;
    Some(process.resident)
}

fn per_second(count: u64, span: u64) -> f64 {
    match span {
        0 => count as f64,
        _ => count as f64 * 1e9 / span as f64,
    }
}

fn rate_text(count: u64, span: u64) -> String {
    let rate = per_second(count, span);
    if rate < 100.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

impl Sink for SharedTop {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.0.borrow_mut().count(entry);
        Ok(())
    }
}
