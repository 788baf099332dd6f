//! JSON lines: a header, records, and a summary.
//!
//! Names are those of filters. Numbers that can exceed 53 bits, and times in nanoseconds,
//! are strings. Handles are hexadecimal strings. A number with a name is an object with
//! both.

mod message;
mod pieces;

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use self::message::{write_message, write_typed};
pub(super) use self::pieces::Text;
use self::pieces::{OpenJson, write_decimal, write_str, write_value};
use dxgtrace_protocol::decode::{Decoded, Value, escaped};
use dxgtrace_protocol::record::IOCTL;
use dxgtrace_protocol::record::header::{
    ChannelEvent, IoctlEnd, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::{FieldType, ObjectKind};
use dxgtrace_protocol::table::{self, errno};
use dxgtrace_session::check::{Finding, Layer, Notation, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};
use dxgtrace_session::{ObjectChange, ObjectEnd, WaitingRequest};

/// Version of the schema. It is incremented when a field changes its meaning or is
/// removed, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// Writes entries as JSON lines.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    flush_each: bool,
    /// If set, only findings of at least this severity are written, or none; the command
    /// writes the other records.
    findings: Option<Option<Severity>>,
    /// Buffer for the lines of an entry.
    lines: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// Writes JSON lines to `out`, starting with the header record. `flush_each` flushes after
    /// every packet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, source: &str, flush_each: bool) -> io::Result<Self> {
        let mut json = Self {
            out,
            flush_each,
            findings: None,
            lines: Vec::new(),
        };
        header(&mut json.out, source)?;
        Ok(json)
    }

    /// Writes the header and the findings of at least severity `least`, or no findings if
    /// that is `None`. There is no summary.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn findings(out: W, source: &str, least: Option<Severity>) -> io::Result<Self> {
        let mut json = Self::new(out, source, false)?;
        json.findings = Some(least);
        Ok(json)
    }

    fn line(&mut self, record: &impl Serialize) -> io::Result<()> {
        write_value(&mut self.lines, record)?;
        self.lines.push(b'\n');
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.out.write_all(&self.lines)?;
        self.lines.clear();
        Ok(())
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        if self.findings.is_some() {
            return entry
                .findings
                .iter()
                .try_for_each(|finding| self.finding(entry.packet.number, finding));
        }
        match entry.packet.header.kind {
            RecordKind::Lost => self.line(&LostRecord::of(entry))?,
            RecordKind::Ioctl => {
                write_ioctl_end(&mut self.lines, entry)?;
                self.lines.push(b'\n');
            }
            RecordKind::Channel => {
                write_channel_event(&mut self.lines, entry)?;
                self.lines.push(b'\n');
            }
            RecordKind::Packet | RecordKind::Refused => {
                write_message(&mut self.lines, entry)?;
                self.lines.push(b'\n');
            }
        }
        if let Some(request) = entry.request {
            write_exchange(&mut self.lines, entry, request)?;
            self.lines.push(b'\n');
        }
        for change in entry.changes {
            self.line(&ObjectRecord::of(entry.packet.number, change))?;
        }
        for finding in entry.findings {
            self.line(&FindingRecord::of(entry.packet.number, finding))?;
        }
        self.write_out()?;
        if self.flush_each {
            self.out.flush()
        } else {
            Ok(())
        }
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        let weak = |least| finding.severity() < least;
        if self.findings.is_some_and(|least| least.is_none_or(weak)) {
            return Ok(());
        }
        self.line(&FindingRecord::of(packet, finding))?;
        self.write_out()
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, totals: &Totals) -> io::Result<()> {
        if self.findings.is_none() {
            summary(&mut self.out, totals)?;
        }
        self.out.flush()
    }
}

/// Writes a record.
///
/// # Errors
/// Those of `out`.
pub fn line(out: &mut impl Write, record: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}

/// Writes the header record, which is the first line.
///
/// # Errors
/// Those of `out`.
pub fn header(out: &mut impl Write, source: &str) -> io::Result<()> {
    line(
        out,
        &HeaderRecord {
            r#type: "header",
            schema: SCHEMA_VERSION,
            tool: concat!("dxgtrace ", env!("CARGO_PKG_VERSION")),
            source,
        },
    )
}

/// Writes the record with which lines end.
///
/// # Errors
/// Those of `out`.
pub fn summary(out: &mut impl Write, totals: &Totals) -> io::Result<()> {
    line(
        out,
        &SummaryRecord {
            r#type: "summary",
            totals,
        },
    )
}

#[derive(Serialize)]
struct HeaderRecord<'a> {
    r#type: &'static str,
    schema: u32,
    tool: &'static str,
    source: &'a str,
}

#[derive(Serialize)]
struct SummaryRecord<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    totals: &'a Totals,
}

#[derive(Serialize)]
struct FindingRecord {
    r#type: &'static str,
    packet: u64,
    code: &'static str,
    severity: &'static str,
    layer: Layer,
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    at: u32,
    #[serde(skip_serializing_if = "FindingParameters::is_empty")]
    parameters: FindingParameters,
    text: Text<Finding>,
}

impl FindingRecord {
    fn of(packet: u64, finding: &Finding) -> Self {
        let description = finding.description();
        Self {
            r#type: "finding",
            packet,
            code: description.word,
            severity: description.severity.name(),
            layer: finding.layer,
            part: finding.part(),
            index: finding.index,
            at: finding.at,
            parameters: FindingParameters(*finding),
            text: Text(*finding),
        }
    }
}

/// The parameters of a finding, by name.
struct FindingParameters(Finding);

impl FindingParameters {
    fn is_empty(&self) -> bool {
        self.0.description().parameters.is_empty()
    }
}

impl Serialize for FindingParameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.parameters().map(|(parameter, number)| {
            let value = ParameterValue {
                notation: parameter.notation,
                number,
            };
            (parameter.name, value)
        }))
    }
}

struct ParameterValue {
    notation: Notation,
    number: u64,
}

impl Serialize for ParameterValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.number;
        match self.notation {
            Notation::Integer => serializer.serialize_u64(number),
            Notation::Decimal => serializer.collect_str(&number),
            Notation::Hexadecimal => serializer.collect_str(&HexNumber(number)),
            Notation::Bit => serializer.serialize_bool(number != 0),
            Notation::End | Notation::Signal => {
                Some(number).filter(|end| *end != 0).serialize(serializer)
            }
            Notation::Status => NamedNumber {
                raw: Text(PaddedStatus(number)),
                name: table::status(number as u32).map(|status| status.name),
            }
            .serialize(serializer),
            Notation::Errno => NamedNumber {
                raw: -i64::from(number as u32),
                name: errno::name(number as u32),
            }
            .serialize(serializer),
        }
    }
}

/// A number with its name, if it has one.
#[derive(Serialize)]
struct NamedNumber<R> {
    raw: R,
    name: Option<&'static str>,
}

/// A status with eight hexadecimal digits.
struct PaddedStatus(u64);

impl Display for PaddedStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

#[derive(Serialize)]
struct ObjectRecord {
    r#type: &'static str,
    packet: u64,
    event: &'static str,
    kind: &'static str,
    handle: Text<HexNumber>,
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Text<HexNumber>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRecord>,
    /// For an object that ends: the packet that created it, if captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Text<u64>>,
}

#[derive(Serialize)]
struct OwnerRecord {
    kind: &'static str,
    handle: Text<HexNumber>,
}

/// A handle or an address, in hexadecimal.
pub(super) struct HexNumber(pub u64);

impl Display for HexNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl ObjectRecord {
    fn of(packet: u64, change: &ObjectChange) -> Self {
        let entity = &change.entity;
        let kind = |kind: Option<ObjectKind>| kind.map_or("unknown", ObjectKind::name);
        let before = entity.predates_capture();
        Self {
            r#type: "object",
            packet,
            event: match change.end {
                None if before => "found",
                None => "created",
                Some(ObjectEnd::Destroyed) => "destroyed",
                Some(ObjectEnd::WithOwner) => "ended_with_owner",
                Some(ObjectEnd::ChannelClosed) => "ended_with_channel",
                Some(ObjectEnd::Replaced) => "replaced",
            },
            kind: kind(entity.kind),
            handle: Text(HexNumber(entity.handle)),
            generation: entity.generation,
            process: (entity.process_handle != 0).then_some(Text(HexNumber(entity.process_handle))),
            adapter: entity.adapter,
            owner: change.owner.map(|(of, handle)| OwnerRecord {
                kind: kind(of),
                handle: Text(HexNumber(handle)),
            }),
            created: (change.end.is_some() && !before).then_some(entity.created.packet),
            bytes: (entity.kind == Some(ObjectKind::Allocation) && entity.bytes > 0)
                .then_some(Text(entity.bytes)),
        }
    }
}

/// Appends the record of a request and its reply.
fn write_exchange(
    out: &mut Vec<u8>,
    entry: &Entry<'_>,
    request: &WaitingRequest,
) -> io::Result<()> {
    let mut record = OpenJson::object(out);
    write_str(record.key(["type"]), "exchange");
    record.add("request", &request.number)?;
    record.add("reply", &entry.packet.number)?;
    write_str(record.key(["message"]), request.name());
    record.add("channel", &entry.channel_name())?;
    if request.header.known.has(KnownFields::TASK) {
        record.add("process", &TaskJson::of(&request.header))?;
    }
    add_ioctl(&mut record, &request.header)?;
    write_decimal(record.key(["time"]), entry.packet.time)?;
    let latency = entry.latency().unwrap_or(0);
    write_decimal(record.key(["latency"]), latency)?;
    let decoded = entry.analysis.decoded.as_ref();
    if let Some(status) = decoded.and_then(Decoded::status) {
        write_typed(
            record.key(["status"]),
            FieldType::NtStatus,
            Value::Status(status),
        )?;
    }
    record.end();
    Ok(())
}

/// Adds the ioctl that a record describes, or during which it was sent.
fn add_ioctl(record: &mut OpenJson<'_>, header: &RecordHeader) -> io::Result<()> {
    if header.known.has(KnownFields::IOCTL) {
        let value = Value::Enum(&IOCTL, header.ioctl.into());
        write_typed(record.key(["ioctl"]), FieldType::Enum(&IOCTL), value)?;
    }
    Ok(())
}

/// Appends the record of an ioctl that has ended.
fn write_ioctl_end(out: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
    let header = entry.packet.header;
    let end = IoctlEnd::decode(entry.packet.payload).unwrap_or_default();
    let call = entry.analysis.call.unwrap_or_default();
    let mut record = OpenJson::object(out);
    write_str(record.key(["type"]), "ioctl");
    record.add("number", &entry.packet.number)?;
    write_decimal(record.key(["time"]), entry.packet.time)?;
    if header.known.has(KnownFields::TASK) {
        record.add("process", &TaskJson::of(header))?;
    }
    add_ioctl(&mut record, header)?;
    // The result of the ioctl, if its end was captured.
    if header.known.has(KnownFields::IOCTL_RESULT) {
        add_result(&mut record, header.ioctl_result)?;
    }
    // The result of the first failed synchronous send, or 0.
    if header.known.has(KnownFields::RETURN_VALUE) {
        record.add("send_result", &header.return_value)?;
    }
    write_decimal(record.key(["duration"]), end.duration)?;
    record.add("messages", &end.messages)?;
    // The first of its messages in the capture, and the one that failed.
    if call.first_packet > 0 {
        record.add("first_request", &call.first_packet)?;
    }
    if let Some((request, _)) = call.first_failure {
        record.add("failed_request", &request)?;
    }
    record.end();
    Ok(())
}

/// Appends the record of what happened to a channel.
fn write_channel_event(out: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
    let header = entry.packet.header;
    let mut record = OpenJson::object(out);
    write_str(record.key(["type"]), "channel");
    record.add("number", &entry.packet.number)?;
    write_decimal(record.key(["time"]), entry.packet.time)?;
    record.add("channel", &entry.channel_name())?;
    record.add("relid", &header.channel)?;
    let event = ChannelEvent::decode(entry.packet.payload);
    record.add("event", &event.map_or("unknown", ChannelEvent::name))?;
    if header.known.has(KnownFields::TASK) {
        record.add("process", &TaskJson::of(header))?;
    }
    if header.known.has(KnownFields::RETURN_VALUE) {
        add_result(&mut record, header.return_value)?;
    }
    record.end();
    Ok(())
}

/// Adds what a function returned, with the name of the error.
fn add_result(record: &mut OpenJson<'_>, value: i32) -> io::Result<()> {
    record.add("result", &value)?;
    match errno::name(value.wrapping_neg().cast_unsigned()) {
        Some(name) => record.add("errno", &name),
        None => Ok(()),
    }
}

/// A task.
#[derive(Serialize)]
pub(super) struct TaskJson {
    pid: u32,
    tid: u32,
    comm: Text<Comm>,
}

impl TaskJson {
    /// Makes a task from its ids and its name.
    pub fn new(pid: u32, tid: u32, comm: [u8; 16]) -> Self {
        let comm = Text(Comm(comm));
        Self { pid, tid, comm }
    }

    /// The task in a record header.
    pub fn of(header: &RecordHeader) -> Self {
        Self::new(header.pid, header.tid, header.comm)
    }
}

/// A task name, with invalid UTF-8 escaped.
struct Comm([u8; 16]);

impl Display for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        escaped(&self.0).fmt(f)
    }
}

#[derive(Serialize)]
struct LostRecord {
    r#type: &'static str,
    number: u64,
    time: Text<u64>,
    total: u64,
    ring_full: u64,
    missed_probes: u64,
    user_queue: u64,
    unreadable: u64,
}

impl LostRecord {
    fn of(entry: &Entry<'_>) -> Self {
        let packet = entry.packet;
        let lost = LostPackets::decode(packet.payload).unwrap_or_default();
        Self {
            r#type: "lost",
            number: packet.number,
            time: Text(packet.time),
            total: lost.total(),
            ring_full: lost.ring_full,
            missed_probes: lost.missed_probes,
            user_queue: lost.user_queue,
            unreadable: lost.unreadable,
        }
    }
}
