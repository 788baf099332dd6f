//! Converts the events of a recording to packets.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::EAGAIN;
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION};

use super::Event;

/// Recordings count from the machine's start; captures from 1970. This stands
/// for the start, so that converting twice gives the same file: 2026-01-01 UTC.
const STARTED: u64 = 1_767_225_600_000_000_000;
/// PCI register of the interface version; the driver knows up to 40 and takes
/// 0 for 27.
const VERSION_REGISTER: u32 = 0xd0;
const HIGHEST_VERSION: u32 = 40;
const VERSION_OF_ZERO: u32 = 27;

/// A packet that owns its bytes, and the event it comes from.
#[derive(Debug, Clone)]
pub struct Converted {
    /// Index of the event.
    pub event: usize,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Index into the channels.
    pub channel: u32,
    /// The record header.
    pub header: RecordHeader,
    /// The payload, as far as it was recorded.
    pub payload: Vec<u8>,
}

impl Converted {
    /// The packet as the writer takes it.
    pub fn packet(&self, number: u64) -> Packet<'_> {
        Packet {
            number,
            time: self.time,
            interface: self.channel,
            header: &self.header,
            payload: &self.payload,
        }
    }
}

/// Identifies the attempts at one send: thread, channel, transaction, length.
type Attempt = (u32, u32, u64, u32);

fn attempt(event: &Event) -> Attempt {
    (event.pid, event.relid, event.tid, event.len)
}

/// Converts a whole recording.
pub fn convert(events: &[Event]) -> Result<(Vec<Channel>, Vec<Converted>)> {
    let channels = channels(events)?;
    let refused = refused(events);
    let mut version = 0;
    let mut requesters: HashMap<(u32, u64), usize> = HashMap::new();
    let mut packets = Vec::new();
    for (index, event) in events.iter().enumerate() {
        if event.ev == "pci_read" {
            version = negotiated(&event.payload()?).unwrap_or(version);
        }
        let direction = match event.ev.as_str() {
            "send" => Direction::GuestToHost,
            "recv" => Direction::HostToGuest,
            _ => continue,
        };
        if refused.superseded.contains(&index) {
            continue;
        }
        let channel = channels
            .iter()
            .position(|channel| channel.relid == event.relid)
            .with_context(|| format!("channel {} was never opened", event.relid))?;
        let mut header = RecordHeader {
            kind: RecordKind::Packet,
            direction,
            channel_kind: channels[channel].kind,
            packet_type: event.packet_type,
            packet_flags: event.flags,
            known: KnownFields(0),
            channel: event.relid,
            transaction: event.tid,
            pid: 0,
            tid: 0,
            comm: [0; 16],
            return_value: 0,
            refused_attempts: refused.before.get(&index).copied().unwrap_or(0),
            expected_reply_length: 0,
            interface_version: version,
            ioctl: 0,
            ioctl_result: 0,
            cpu: event.cpu,
            payload_length: event.len,
        };
        let mut task = None;
        match direction {
            Direction::GuestToHost => {
                if event.ret != 0 {
                    header.kind = RecordKind::Refused;
                } else if event.flags & FLAG_COMPLETION_REQUESTED != 0 {
                    requesters.insert((event.relid, event.tid), index);
                }
                header.return_value = event.ret;
                header.known.0 |=
                    KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH;
                task = Some(event);
            }
            Direction::HostToGuest if event.packet_type == PACKET_COMPLETION => {
                if let Some(request) = requesters.get(&(event.relid, event.tid)) {
                    header.known.0 |= KnownFields::TASK | KnownFields::REQUESTER;
                    task = events.get(*request);
                }
            }
            Direction::HostToGuest => {}
        }
        if let Some(task) = task {
            header.pid = task.tgid;
            header.tid = task.pid;
            header.comm = task.comm();
        }
        packets.push(Converted {
            event: index,
            time: STARTED + event.ts,
            channel: channel as u32,
            header,
            payload: event.payload()?,
        });
    }
    Ok((channels, packets))
}

fn channels(events: &[Event]) -> Result<Vec<Channel>> {
    let mut channels: Vec<Channel> = Vec::new();
    for event in events.iter().filter(|event| event.ev == "open") {
        let instance = event.payload()?.try_into().ok();
        if channels.iter().all(|channel| channel.relid != event.relid) {
            channels.push(Channel {
                name: event.chan.clone(),
                kind: match event.chan.as_str() {
                    "global" => ChannelKind::Global,
                    name if name.starts_with("vgpu") => ChannelKind::Vgpu,
                    _ => ChannelKind::Unknown,
                },
                relid: event.relid,
                instance,
            });
        }
    }
    Ok(channels)
}

/// Sends that the ring refused.
#[derive(Default)]
struct Refused {
    /// Attempts that another attempt at the same send followed.
    superseded: HashSet<usize>,
    /// How many refused attempts came before an attempt; of one that was given up,
    /// with itself.
    before: HashMap<usize, u32>,
}

fn refused(events: &[Event]) -> Refused {
    let mut refused = Refused::default();
    let mut open: HashMap<Attempt, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if event.ev != "send" {
            continue;
        }
        if let Some(earlier) = open.remove(&attempt(event)) {
            let count = refused.before.get(&earlier).copied().unwrap_or(0) + 1;
            refused.superseded.insert(earlier);
            refused.before.insert(index, count);
        }
        if event.ret == EAGAIN {
            open.insert(attempt(event), index);
        }
    }
    for given_up in open.values() {
        *refused.before.entry(*given_up).or_default() += 1;
    }
    refused
}

fn negotiated(register: &[u8]) -> Option<u32> {
    let (offset, value) = register.split_first_chunk::<4>()?;
    let value = u32::from_le_bytes(*value.first_chunk()?);
    (u32::from_le_bytes(*offset) == VERSION_REGISTER).then_some(match value {
        0 => VERSION_OF_ZERO,
        value => value.min(HIGHEST_VERSION),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::read;

    const OPEN: &str = r#"{"ev":"meta"}
{"ev":"open","chan":"global","relid":20,"len":16,"hex":"e4a2c15a377ad14ba5a20f3f7a1c9e01"}
{"ev":"pci_read","hex":"d000000029000000"}
"#;

    fn converted(lines: &str) -> Vec<Converted> {
        let events = read(format!("{OPEN}{lines}").as_bytes()).unwrap();
        convert(&events).unwrap().1
    }

    fn send(tid: u64, ret: i32) -> String {
        format!(
            r#"{{"ev":"send","ts":5,"relid":20,"type":6,"tid":{tid},"flags":1,"ret":{ret},"pid":8,"tgid":7,"comm":"app","len":4,"hex":"00ff"}}"#
        ) + "\n"
    }

    #[test]
    fn refused_attempts_are_folded_into_the_send_that_succeeded() {
        let lines = send(1, -11) + &send(2, 0) + &send(1, -11) + &send(1, 0);
        let packets = converted(&lines);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[0].header.transaction, 2);
        assert_eq!(packets[0].header.refused_attempts, 0);
        assert_eq!(packets[1].header.kind, RecordKind::Packet);
        assert_eq!(packets[1].header.refused_attempts, 2);
    }

    #[test]
    fn a_send_that_never_succeeded_is_one_refused_record() {
        let packets = converted(&(send(1, -11) + &send(1, -11)));
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].header.kind, RecordKind::Refused);
        assert_eq!(packets[0].header.refused_attempts, 2);
        assert_eq!(packets[0].header.return_value, -11);
        assert_eq!(packets[0].header.payload_length, 4);
        assert_eq!(packets[0].payload, [0, 255]);
    }

    #[test]
    fn a_completion_belongs_to_whoever_asked() {
        let lines = send(1, 0)
            + r#"{"ev":"recv","relid":20,"type":11,"tid":1,"pid":9,"comm":"other","len":8,"hex":""}
{"ev":"recv","relid":20,"type":11,"tid":2,"pid":9,"comm":"other","len":8,"hex":""}
{"ev":"recv","relid":20,"type":6,"tid":1,"pid":9,"comm":"other","len":8,"hex":""}
"#;
        let packets = converted(&lines);
        let task = |index: usize| (packets[index].header.known.0, packets[index].header.tid);
        assert_eq!(task(1), (KnownFields::TASK | KnownFields::REQUESTER, 8));
        assert_eq!(packets[1].header.pid, 7);
        assert_eq!(&packets[1].header.comm[..4], b"app\0");
        assert_eq!(task(2), (0, 0));
        assert_eq!(task(3), (0, 0));
        assert_eq!(packets[0].header.interface_version, 40);
    }
}
