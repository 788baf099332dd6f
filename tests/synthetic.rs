//! Builds the synthetic samples from recorded ones by a few edits.
//! `cargo run -p dxgtrace-tests --bin maintain samples` writes them; a test checks that
//! those in the repository are up to date.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, IoctlEnd, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::EAGAIN;
use dxgtrace_protocol::table::ioctls::IOCTLS;
use dxgtrace_session::check::Finding;
use dxgtrace_session::{ReplyOutcome, Session, driver_errno};

/// A packet that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Index into the channels.
    pub channel: u32,
    /// Pseudo-header.
    pub header: RecordHeader,
    /// Captured bytes.
    pub payload: Vec<u8>,
}

impl Owned {
    /// A copy of `packet`.
    pub fn new(packet: &Packet<'_>) -> Self {
        Self {
            time: packet.time,
            channel: packet.interface,
            header: *packet.header,
            payload: packet.payload.to_vec(),
        }
    }

    /// The packet as record `number`.
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

/// Reads all packets of a capture file.
pub fn load(path: &Path) -> Result<(Vec<Channel>, Vec<Owned>)> {
    let mut reader = dxgtrace_file::open(path).with_context(|| path.display().to_string())?;
    let mut packets = Vec::new();
    while let Some(record) = reader.next_record()? {
        packets.push(Owned::new(&record.packet));
    }
    Ok((reader.channels().to_vec(), packets))
}

/// The packets with their numbers.
pub fn numbered(packets: &[Owned]) -> impl Iterator<Item = Packet<'_>> {
    (1..)
        .zip(packets)
        .map(|(number, packet)| packet.packet(number))
}

/// Packet numbers and findings.
pub type Found = Vec<(u64, Finding)>;

/// The session after these packets, and all findings.
pub fn see_all<'a>(packets: impl Iterator<Item = Packet<'a>>) -> (Session, Found) {
    let mut session = Session::new();
    let mut found = Found::new();
    for packet in packets {
        session.analyze(&packet, &mut |finding| found.push((packet.number, finding)));
    }
    session.finish(&mut |packet, finding| found.push((packet, finding)));
    (session, found)
}

/// The synthetic samples: file name and content.
pub fn all(samples: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    Ok(vec![
        ("synthetic-loss.pcapng", loss(samples)?),
        ("synthetic-cut.pcapng", cut(samples)?),
        ("synthetic-ioctls.pcapng", ioctls(samples)?),
    ])
}

fn about() -> CaptureOrigin {
    CaptureOrigin {
        hardware: "x86_64 (QEMU, emulated VMBus and host)".to_owned(),
        os: "Debian, Linux 6.1.0-54-amd64".to_owned(),
        application: "dxgtrace make-samples (synthetic)".to_owned(),
    }
}

/// A second virtual GPU, a send that succeeded after three refusals, one that
/// never did, a loss of three packets and messages cut at 96 bytes.
fn loss(samples: &Path) -> Result<Vec<u8>> {
    let (mut channels, packets) = load(&samples.join("v40-basic.pcapng"))?;
    let first = channels
        .iter()
        .position(|channel| channel.name == "vgpu0")
        .context("no vgpu0")?;
    let mut second = channels[first].clone();
    second.name = "vgpu1".to_owned();
    second.relid += 1;
    if let Some(instance) = &mut second.instance {
        instance[0] += 1;
    }
    channels.push(second);
    let second = (channels.len() - 1) as u32;

    // Frames 1-2 are the global channel's start, 3-6 that of vgpu0.
    let mut made: Vec<Owned> = packets.iter().take(6).cloned().collect();
    for packet in packets.iter().skip(2).take(4) {
        let mut packet = packet.clone();
        packet.time += 50_000_000;
        packet.channel = second;
        packet.header.channel = channels[second as usize].relid;
        // The LUID in the extended header and at the end of the description.
        let luid = match packet.header.direction {
            Direction::GuestToHost => 8,
            Direction::HostToGuest => 704,
        };
        if let Some(byte) = packet.payload.get_mut(luid) {
            *byte += 1;
        }
        made.push(packet);
    }

    let mut rest: Vec<Owned> = packets.iter().skip(6).take(60).cloned().collect();
    let sends: Vec<usize> = (0..rest.len())
        .filter(|index| rest[*index].header.direction == Direction::GuestToHost)
        .collect();
    rest[sends[4]].header.refused_attempts = 3;

    // This request was never sent, so it has no reply.
    let refused = sends[10];
    let key = (
        rest[refused].header.channel,
        rest[refused].header.transaction,
    );
    let header = &mut rest[refused].header;
    header.kind = RecordKind::Refused;
    header.return_value = EAGAIN;
    header.refused_attempts = 50;
    rest[refused].payload.truncate(64);
    let mut position = 0;
    rest.retain(|packet| {
        position += 1;
        position - 1 == refused || (packet.header.channel, packet.header.transaction) != key
    });

    let lost_at = 40;
    let lost = LostPackets {
        ring_full: 2,
        missed_probes: 1,
        ..LostPackets::default()
    };
    let mut notice = rest[lost_at + 2].clone();
    notice.header = RecordHeader {
        kind: RecordKind::Lost,
        packet_type: 0,
        packet_flags: 0,
        transaction: 0,
        known: Default::default(),
        pid: 0,
        tid: 0,
        comm: [0; 16],
        payload_length: LostPackets::LENGTH as u32,
        ..notice.header
    };
    notice.payload = lost.encode().to_vec();
    rest.splice(lost_at..lost_at + 3, [notice]);

    made.extend(rest);
    let mut output = Vec::new();
    let mut writer =
        Writer::new(&mut output, &about(), FlushPolicy::EveryRecord)?.with_snap_length(96);
    for (index, packet) in made.iter().enumerate() {
        writer.write(&packet.packet(index as u64 + 1), &channels, &[])?;
    }
    writer.finish()?;
    Ok(output)
}

/// What v40-errors looks like where the driver's own view was captured too:
/// each exchange that an ioctl causes within one, with the length that the
/// driver expects, and the errno that the reference driver makes of it.
fn ioctls(samples: &Path) -> Result<Vec<u8>> {
    const LATER: u64 = 20_000;
    let (mut channels, packets) = load(&samples.join("v40-errors.pcapng"))?;
    let driver = channels.len() as u32;
    channels.push(Channel {
        name: "driver".to_owned(),
        kind: ChannelKind::Unknown,
        relid: 0,
        instance: None,
    });
    let mut session = Session::new();
    let mut made: Vec<Owned> = Vec::new();
    // By packet number, where the request is in `made`.
    let mut asked = HashMap::new();
    for (number, packet) in (1..).zip(&packets) {
        let mut packet = packet.clone();
        let seen = session.analyze(&packet.packet(number), &mut |_| ());
        asked.insert(number, made.len());
        let Some(request) = session.answered_request() else {
            made.push(packet);
            continue;
        };
        let index = *asked.get(&request.number).context("no such request")?;
        let name = request.name();
        let causes = IOCTLS.iter().filter(|ioctl| ioctl.messages.contains(&name));
        // A device is flushed when its process has ended.
        let cause = causes
            .min_by_key(|ioctl| ioctl.messages.len())
            .filter(|_| name != "flush_device");
        let outcome = seen.outcome;
        let result = match outcome {
            Some(ReplyOutcome::Status(status)) => -driver_errno(status).cast_signed(),
            Some(ReplyOutcome::Short { .. }) => -75,
            _ => 0,
        };
        let expected = request.pending.expected_reply_length();
        for header in [&mut made[index].header, &mut packet.header] {
            if let Some(expected) = expected {
                header.known.0 |= KnownFields::EXPECTED_REPLY;
                header.expected_reply_length = u32::try_from(expected)?;
            }
            if let Some(cause) = cause {
                header.known.0 |= KnownFields::IOCTL;
                header.ioctl = cause.request();
            }
        }
        let task = made[index].header;
        let begin = made[index].time;
        let time = packet.time + LATER;
        made.push(packet);
        if let Some(cause) = cause {
            let end = IoctlEnd {
                duration: time - begin + LATER,
                messages: 1,
            };
            let header = RecordHeader {
                kind: RecordKind::Ioctl,
                direction: Direction::HostToGuest,
                known: KnownFields(
                    KnownFields::TASK
                        | KnownFields::IOCTL
                        | KnownFields::IOCTL_RESULT
                        | KnownFields::RETURN_VALUE,
                ),
                pid: task.pid,
                tid: task.tid,
                comm: task.comm,
                return_value: if matches!(outcome, Some(ReplyOutcome::Short { .. })) {
                    result
                } else {
                    0
                },
                ioctl: cause.request(),
                ioctl_result: result,
                payload_length: IoctlEnd::LENGTH as u32,
                ..RecordHeader::EMPTY
            };
            made.push(Owned {
                time,
                channel: driver,
                header,
                payload: end.encode().to_vec(),
            });
        }
    }
    let mut output = Vec::new();
    let mut writer = Writer::new(&mut output, &about(), FlushPolicy::EveryRecord)?;
    for (index, packet) in made.iter().enumerate() {
        writer.write(&packet.packet(index as u64 + 1), &channels, &[])?;
    }
    writer.finish()?;
    Ok(output)
}

/// The start of a capture whose writer was killed in the middle of a block.
fn cut(samples: &Path) -> Result<Vec<u8>> {
    const MISSING: usize = 30;
    let (channels, packets) = load(&samples.join("v40-enum.pcapng"))?;
    let mut output = Vec::new();
    let mut writer = Writer::new(&mut output, &about(), FlushPolicy::EveryRecord)?;
    for (index, packet) in packets.iter().enumerate() {
        writer.write(&packet.packet(index as u64 + 1), &channels, &[])?;
    }
    drop(writer);
    output.truncate(output.len() - MISSING);
    Ok(output)
}
