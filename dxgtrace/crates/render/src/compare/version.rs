//! How a capture would differ at another interface version.

use std::collections::BTreeMap;

use serde::Serialize;

use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest, Value};
use dxgtrace_protocol::schema::Layout;
use dxgtrace_protocol::table::framing::{EXTENDED_HEADER, VERSION_EXTENDED};
use dxgtrace_session::WaitingRequest;
use dxgtrace_session::entry::Entry;

/// Maximum number of fields listed per message.
const FIELDS_MAX: usize = 12;

/// How a message would differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VersionChange {
    /// Number of requests with another framing.
    pub reframed: u64,
    /// Number of replies with another layout.
    pub relaid: u64,
    /// Number of those replies that are too short for it.
    pub short: u64,
    /// Number of those replies that have excess bytes.
    pub long: u64,
    /// Reply length in bytes that the driver expects: at the version of the capture, at the
    /// other version.
    pub expected: Option<(u64, u64)>,
    /// Fields that only one of the layouts has, or whose values differ.
    pub fields: Vec<String>,
}

/// Compares a capture with another interface version.
#[derive(Debug)]
pub struct VersionReread {
    version: u32,
    messages: BTreeMap<&'static str, VersionChange>,
}

impl VersionReread {
    /// Compares with `version`.
    pub fn new(version: u32) -> Self {
        Self {
            version,
            messages: BTreeMap::new(),
        }
    }

    /// Compares the next entry.
    pub fn count_entry(&mut self, entry: &Entry<'_>) {
        let Some(decoded) = &entry.analysis.decoded else {
            return;
        };
        match (decoded.part, entry.request) {
            (MessagePart::Request, _) => {
                let own = decoded.frame.map(|frame| frame.version());
                let extended = |version: u32| version >= VERSION_EXTENDED;
                if own.is_some_and(|own| extended(own) != extended(self.version)) {
                    self.message(decoded.name()).reframed += 1;
                }
            }
            (MessagePart::Reply, Some(request)) => self.reply(entry, decoded, request),
            _ => {}
        }
    }

    /// The messages that would differ, by name.
    pub fn messages(&self) -> &BTreeMap<&'static str, VersionChange> {
        &self.messages
    }

    /// Number of bytes by which every request would grow, or shrink if negative.
    pub fn framing(&self) -> i32 {
        let size = i32::from(EXTENDED_HEADER);
        if self.version >= VERSION_EXTENDED {
            size
        } else {
            -size
        }
    }

    fn message(&mut self, name: &'static str) -> &mut VersionChange {
        self.messages.entry(name).or_default()
    }

    fn reply(&mut self, entry: &Entry<'_>, decoded: &Decoded<'_>, request: &WaitingRequest) {
        let own = &request.pending;
        let other = PendingRequest {
            version: self.version,
            ..*own
        };
        let Some(message) = own.message else { return };
        let layouts = (
            decoded.body.as_ref().map(|body| body.layout),
            message.reply_at(other.version),
        );
        let (Some(before), Some(after)) = layouts else {
            return;
        };
        if std::ptr::eq(before, after) {
            return;
        }
        let mut payload = Payload::of_packet(entry.packet);
        payload.reply_room = None;
        let reread = decode::reply(payload, &other);
        let (Some(is), Some(would)) = (
            own.expected_length_of(before),
            other.expected_length_of(after),
        ) else {
            return;
        };
        let fields = fields(decoded, &reread, before, after);
        let length = payload.length as u64;
        let note = self.message(message.name);
        note.relaid += 1;
        note.short += u64::from(length < would);
        note.long += u64::from(length > would.next_multiple_of(8));
        note.expected.get_or_insert((is, would));
        for field in fields {
            if note.fields.len() < FIELDS_MAX && !note.fields.contains(&field) {
                note.fields.push(field);
            }
        }
    }
}

/// The fields that would differ.
fn fields(is: &Decoded<'_>, would: &Decoded<'_>, before: &Layout, after: &Layout) -> Vec<String> {
    let mut found = Vec::new();
    for field in before.fields {
        let value = value(is, field.name);
        match after.field(field.name) {
            None => found.push(format!("{} would not be there", field.name)),
            // Of a reply that would be too short, no field would be read.
            Some(_) if would.body.is_none() => {}
            Some(_) => {
                let other = self::value(would, field.name);
                if value != other {
                    found.push(format!("{} would read otherwise", field.name));
                }
            }
        }
    }
    for field in after.fields {
        if before.field(field.name).is_none() {
            found.push(format!("{} would be there", field.name));
        }
    }
    for tail in before.tails {
        let moved = before.tails_at.abs_diff(after.tails_at);
        if moved > 0 && after.tails.iter().any(|other| other.name == tail.name) {
            found.push(format!("{} would begin {moved} bytes elsewhere", tail.name));
        }
    }
    found
}

fn value(decoded: &Decoded<'_>, name: &str) -> Option<String> {
    let body = decoded.body.as_ref()?;
    let field = body.layout.field(name)?;
    let spot = body.field_ref(field);
    spot.value().map(|value: Value<'_>| value.to_string())
}
