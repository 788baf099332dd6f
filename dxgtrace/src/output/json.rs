//! JSON lines: a header, a record for each thing seen, a summary.
//!
//! Names are those of the filters. Numbers that can exceed 53 bits, and times
//! in nanoseconds, are strings; handles are hexadecimal strings; where a
//! number has a name, both stand side by side.

use std::fmt::Display;
use std::io::{self, Write};

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{Entry, Sink, Totals};
use crate::capture::header::{Direction, Header, IoctlEnd, Kind, Known, Lost};
use crate::check::Finding;
use crate::decode::{Decoded, Located, Spot, TailSpot, Value, escaped};
use crate::protocol::errno;
use crate::protocol::record::IOCTL;
use crate::protocol::schema::{Element, Object, Ty};
use crate::session::{Change, End};

/// Version of the records' shape. It grows when a field changes its meaning
/// or goes away, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// Writes entries as JSON lines.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    each: bool,
}

impl<W: Write> Json<W> {
    /// JSON lines to `out`, which begin with the header record. With `each`,
    /// every packet is flushed.
    pub fn new(out: W, source: &str, each: bool) -> io::Result<Self> {
        let mut json = Self { out, each };
        json.record(&HeaderRecord {
            r#type: "header",
            schema: SCHEMA_VERSION,
            tool: concat!("dxgtrace ", env!("CARGO_PKG_VERSION")),
            source,
        })?;
        Ok(json)
    }

    fn record(&mut self, record: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, record)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Sink for Json<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        match entry.packet.header.kind {
            Kind::Lost => self.record(&LostRecord(entry))?,
            Kind::Ioctl => self.record(&IoctlRecord::of(entry))?,
            Kind::Packet | Kind::Refused => self.record(&MessageRecord(entry))?,
        }
        if let Some(request) = &entry.seen.request {
            self.record(&ExchangeRecord {
                r#type: "exchange",
                request: request.number,
                reply: entry.packet.number,
                message: request.name(),
                channel: entry.channel_name(),
                process: Process::of(&request.header),
                ioctl: ioctl(&request.header),
                time: Text(entry.packet.time),
                latency: Text(entry.seen.latency(entry.packet).unwrap_or(0)),
                status: entry
                    .seen
                    .decoded
                    .and_then(|decoded| decoded.status())
                    .map(|status| Typed(Ty::NtStatus, Value::Status(status))),
            })?;
        }
        for change in entry.changes {
            self.record(&ObjectRecord::of(entry.packet.number, change))?;
        }
        for finding in entry.findings {
            self.record(&FindingRecord::of(entry.packet.number, finding))?;
        }
        if self.each { self.out.flush() } else { Ok(()) }
    }

    fn finding(&mut self, packet: u64, finding: &Finding) -> io::Result<()> {
        self.record(&FindingRecord::of(packet, finding))
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, totals: &Totals) -> io::Result<()> {
        self.record(&Summary {
            r#type: "summary",
            totals,
        })?;
        self.out.flush()
    }
}

#[derive(Serialize)]
struct HeaderRecord<'a> {
    r#type: &'static str,
    schema: u32,
    tool: &'static str,
    source: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    totals: &'a Totals,
}

#[derive(Serialize)]
struct ExchangeRecord<'a> {
    r#type: &'static str,
    request: u64,
    reply: u64,
    message: &'static str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ioctl: Option<Typed<'a>>,
    time: Text<u64>,
    latency: Text<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Typed<'a>>,
}

#[derive(Serialize)]
struct FindingRecord {
    r#type: &'static str,
    packet: u64,
    code: &'static str,
    severity: &'static str,
    layer: crate::check::Layer,
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    at: u32,
    text: Text<Finding>,
}

impl FindingRecord {
    fn of(packet: u64, finding: &Finding) -> Self {
        let description = finding.code.description();
        Self {
            r#type: "finding",
            packet,
            code: description.word,
            severity: description.severity.name(),
            layer: finding.layer,
            part: finding.part,
            index: finding.index,
            at: finding.at,
            text: Text(*finding),
        }
    }
}

#[derive(Serialize)]
struct ObjectRecord {
    r#type: &'static str,
    packet: u64,
    event: &'static str,
    kind: &'static str,
    handle: Text<Number>,
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Text<Number>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRecord>,
    /// Of what ends: the packet that created it, if that was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Text<u64>>,
}

#[derive(Serialize)]
struct OwnerRecord {
    kind: &'static str,
    handle: Text<Number>,
}

/// A handle or an address, in hexadecimal.
struct Number(u64);

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl ObjectRecord {
    fn of(packet: u64, change: &Change) -> Self {
        let entity = &change.entity;
        let kind = |kind: Option<Object>| kind.map_or("unknown", Object::name);
        let before = entity.is_from_before();
        Self {
            r#type: "object",
            packet,
            event: match change.end {
                None if before => "found",
                None => "created",
                Some(End::Destroyed) => "destroyed",
                Some(End::WithOwner) => "ended_with_owner",
                Some(End::ChannelClosed) => "ended_with_channel",
                Some(End::Replaced) => "replaced",
            },
            kind: kind(entity.kind),
            handle: Text(Number(entity.handle)),
            generation: entity.generation,
            process: (entity.process_handle != 0).then_some(Text(Number(entity.process_handle))),
            adapter: entity.adapter,
            owner: change.owner.map(|(of, handle)| OwnerRecord {
                kind: kind(of),
                handle: Text(Number(handle)),
            }),
            created: (change.end.is_some() && !before).then_some(entity.created.packet),
            bytes: (entity.kind == Some(Object::Allocation) && entity.bytes > 0)
                .then_some(Text(entity.bytes)),
        }
    }
}

/// Anything as the string that it prints as.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Serialize)]
struct Process {
    pid: u32,
    tid: u32,
    comm: Text<Comm>,
}

impl Process {
    fn of(header: &Header) -> Option<Self> {
        header.known.has(Known::TASK).then_some(Self {
            pid: header.pid,
            tid: header.tid,
            comm: Text(Comm(header.comm)),
        })
    }
}

/// A task name; what is no UTF-8 in it is escaped.
struct Comm([u8; 16]);

impl Display for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        escaped(&self.0).fmt(f)
    }
}

struct LostRecord<'a>(&'a Entry<'a>);

impl Serialize for LostRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packet = self.0.packet;
        let lost = Lost::decode(packet.payload).unwrap_or_default();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "lost")?;
        map.serialize_entry("number", &packet.number)?;
        map.serialize_entry("time", &Text(packet.time))?;
        map.serialize_entry("total", &lost.total())?;
        map.serialize_entry("ring_full", &lost.ring_full)?;
        map.serialize_entry("missed_probes", &lost.missed_probes)?;
        map.serialize_entry("user_queue", &lost.user_queue)?;
        map.serialize_entry("unreadable", &lost.unreadable)?;
        map.end()
    }
}

/// The ioctl that a record is about, or was sent during.
fn ioctl<'a>(header: &Header) -> Option<Typed<'a>> {
    let value = Value::Enum(&IOCTL, header.ioctl.into());
    (header.known.has(Known::IOCTL)).then_some(Typed(Ty::Enum(&IOCTL), value))
}

#[derive(Serialize)]
struct IoctlRecord<'a> {
    r#type: &'static str,
    number: u64,
    time: Text<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ioctl: Option<Typed<'a>>,
    /// What the application was told, if its end was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<&'static str>,
    /// What the driver's first failed synchronous send returned, or 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_result: Option<i32>,
    duration: Text<u64>,
    messages: u64,
    /// The first of its messages in the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_request: Option<u64>,
    /// The request that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_request: Option<u64>,
}

impl<'a> IoctlRecord<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        let header = &entry.packet.header;
        let end = IoctlEnd::decode(entry.packet.payload).unwrap_or_default();
        let call = entry.seen.call.unwrap_or_default();
        let known = |bit, value| header.known.has(bit).then_some(value);
        let result = known(Known::IOCTL_RESULT, header.ioctl_result);
        Self {
            r#type: "ioctl",
            number: entry.packet.number,
            time: Text(entry.packet.time),
            process: Process::of(header),
            ioctl: ioctl(header),
            result,
            errno: result.and_then(|result| errno::name(result.wrapping_neg().cast_unsigned())),
            send_result: known(Known::RETURN_VALUE, header.return_value),
            duration: Text(end.duration),
            messages: end.messages,
            first_request: (call.first > 0).then_some(call.first),
            failed_request: call.failed.map(|(request, _)| request),
        }
    }
}

struct MessageRecord<'a>(&'a Entry<'a>);

impl Serialize for MessageRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let packet = entry.packet;
        let header = &packet.header;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "msg")?;
        map.serialize_entry("number", &packet.number)?;
        map.serialize_entry("time", &Text(packet.time))?;
        map.serialize_entry("channel", entry.channel_name())?;
        map.serialize_entry(
            "direction",
            match header.direction {
                Direction::GuestToHost => "guest_to_host",
                Direction::HostToGuest => "host_to_guest",
            },
        )?;
        map.serialize_entry("packet_type", &header.packet_type)?;
        map.serialize_entry("packet_flags", &header.packet_flags)?;
        map.serialize_entry("transaction", &Text(header.transaction))?;
        if let Some(process) = Process::of(header) {
            map.serialize_entry("process", &process)?;
        }
        map.serialize_entry("length", &header.payload_length)?;
        if packet.is_cut() {
            map.serialize_entry("captured", &packet.payload.len())?;
        }
        if header.kind == Kind::Refused {
            map.serialize_entry("refused", &true)?;
        }
        if header.known.has(Known::RETURN_VALUE) {
            map.serialize_entry("return_value", &header.return_value)?;
        }
        if header.refused_attempts > 0 {
            map.serialize_entry("refused_attempts", &header.refused_attempts)?;
        }
        if header.known.has(Known::EXPECTED_REPLY) {
            map.serialize_entry("expected_reply_length", &header.expected_reply_length)?;
        }
        if let Some(ioctl) = ioctl(header) {
            map.serialize_entry("ioctl", &ioctl)?;
        }
        if let Some(request) = &entry.seen.request {
            map.serialize_entry("request_in", &request.number)?;
        }
        if let Some(decoded) = &entry.seen.decoded {
            map.serialize_entry("message", decoded.name())?;
            map.serialize_entry("part", decoded.part.name())?;
            if let Some(message) = decoded.message {
                map.serialize_entry("set", message.set.name())?;
            }
            map.serialize_entry("fields", &Fields(decoded))?;
        }
        if entry
            .seen
            .decoded
            .is_none_or(|decoded| decoded.body.is_none())
        {
            map.serialize_entry("payload", &Text(Hex(packet.payload)))?;
        }
        map.end()
    }
}

/// All fields of a message, by their full names.
struct Fields<'a>(&'a Decoded<'a>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for header in self.0.headers() {
            fixed(&mut map, &header, "dxg.")?;
        }
        if let Some(body) = &self.0.body {
            let name = self.0.name();
            fixed(&mut map, body, &format!("dxg.{name}."))?;
            for tail in body.tails() {
                map.serialize_entry(
                    &format_args!("dxg.{name}.{}", tail.tail.name),
                    &Elements(tail),
                )?;
                for spot in tail.viewed() {
                    if let Some(value) = spot.value() {
                        let name =
                            format_args!("dxg.{name}.{}.{}", tail.tail.name, spot.field.name);
                        map.serialize_entry(&name, &Typed(spot.field.ty, value))?;
                    }
                }
            }
        }
        map.end()
    }
}

fn fixed<M: SerializeMap>(map: &mut M, body: &Located<'_>, prefix: &str) -> Result<(), M::Error> {
    for spot in body.fields() {
        if let Some(value) = used(&spot) {
            map.serialize_entry(
                &format_args!("{prefix}{}", spot.field.name),
                &Typed(spot.field.ty, value),
            )?;
        }
    }
    Ok(())
}

/// The value of a field, of an array only the part in use.
fn used<'a>(spot: &Spot<'a>) -> Option<Value<'a>> {
    let length = spot.used.saturating_mul(usize::from(spot.field.ty.size()));
    Value::of_field(spot.field, spot.bytes.get(..length).unwrap_or(spot.bytes))
}

struct Elements<'a>(TailSpot<'a>);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tail = &self.0;
        match tail.tail.element {
            Element::Value(Ty::Byte) => Text(Hex(tail.bytes)).serialize(serializer),
            Element::Value(ty) => {
                let mut list = serializer.serialize_seq(None)?;
                for value in Value::Array(ty, tail.bytes).elements() {
                    list.serialize_element(&Typed(ty, value))?;
                }
                list.end()
            }
            Element::Struct(_) => {
                let mut list = serializer.serialize_seq(Some(tail.captured()))?;
                for index in 0..tail.captured() {
                    list.serialize_element(&Members(tail, index))?;
                }
                list.end()
            }
        }
    }
}

struct Members<'a>(&'a TailSpot<'a>, usize);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for spot in self.0.members(self.1) {
            if let Some(value) = used(&spot) {
                map.serialize_entry(spot.field.name, &Typed(spot.field.ty, value))?;
            }
        }
        map.end()
    }
}

/// A value in the form that its type has in JSON.
struct Typed<'a>(Ty, Value<'a>);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Value::Number(value) if self.0.size() < 8 => serializer.serialize_u64(value),
            Value::Number(value) | Value::Event(value) => serializer.collect_str(&value),
            Value::Signed(value) => serializer.serialize_i64(value),
            Value::Bool(value @ 0..=1) => serializer.serialize_bool(value == 1),
            Value::Bool(value) => serializer.serialize_u8(value),
            Value::Handle(_) | Value::Address(_) | Value::Luid(..) => {
                serializer.collect_str(&self.1)
            }
            Value::Enum(names, value) => named(serializer, value, names.name_of(value)),
            Value::Status(value) => {
                let name = crate::protocol::status(value).map(|status| status.name);
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("raw", &Text(format_args!("{value:#010x}")))?;
                map.serialize_entry("name", &name)?;
                map.end()
            }
            Value::Flags(set, value, _) => {
                let names: Vec<_> = set
                    .bits
                    .iter()
                    .filter(|bit| bit.of(value) != 0)
                    .map(|bit| bit.name)
                    .collect();
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("raw", &Text(format_args!("{value:#x}")))?;
                map.serialize_entry("names", &names)?;
                map.end()
            }
            Value::Text(bytes) => serializer.collect_str(&crate::decode::utf16(bytes)),
            Value::Bytes(bytes) => serializer.collect_str(&Hex(bytes)),
            Value::Array(ty, _) => {
                let mut list = serializer.serialize_seq(None)?;
                for value in self.1.elements() {
                    list.serialize_element(&Typed(ty, value))?;
                }
                list.end()
            }
        }
    }
}

fn named<S: Serializer>(serializer: S, raw: u64, name: Option<&str>) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("raw", &raw)?;
    map.serialize_entry("name", &name)?;
    map.end()
}

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for chunk in self.0.chunks(64) {
            let mut text = [0; 128];
            for (pair, byte) in text.chunks_exact_mut(2).zip(chunk) {
                if let [high, low] = pair {
                    *high = DIGITS[usize::from(byte >> 4)];
                    *low = DIGITS[usize::from(byte & 15)];
                }
            }
            let used = text.get(..2 * chunk.len()).unwrap_or_default();
            f.write_str(std::str::from_utf8(used).unwrap_or_default())?;
        }
        Ok(())
    }
}
