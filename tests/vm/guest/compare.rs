//! Compares the captured packets with the played ones.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    io,
    path::Path,
};

use dxgtrace_protocol::record::header::{
    ChannelEvent, Direction, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION};

use crate::device::Played;

/// What a capture holds.
pub struct Captured {
    /// Its packets, without records of loss.
    pub packets: Vec<(RecordHeader, Vec<u8>)>,
    /// The ioctls that ended.
    pub ioctls: Vec<RecordHeader>,
    /// What happened to channels: number of the channel, event, result.
    pub lives: Vec<(u32, Option<ChannelEvent>, i32)>,
    /// What the records of loss say, added up.
    pub lost: u64,
}

/// Reads a capture.
pub fn read(path: &Path) -> io::Result<Captured> {
    let mut reader = dxgtrace_file::open(path).map_err(io::Error::other)?;
    let mut captured = Captured {
        packets: Vec::new(),
        ioctls: Vec::new(),
        lives: Vec::new(),
        lost: 0,
    };
    while let Some(record) = reader.next_record().map_err(io::Error::other)? {
        let packet = record.packet;
        match packet.header.kind {
            RecordKind::Lost => {
                captured.lost += LostPackets::decode(packet.payload).map_or(0, |lost| lost.total());
            }
            // No packet: what the application was told.
            RecordKind::Ioctl => captured.ioctls.push(*packet.header),
            RecordKind::Channel => captured.lives.push((
                packet.header.channel,
                ChannelEvent::decode(packet.payload),
                packet.header.return_value,
            )),
            RecordKind::Packet | RecordKind::Refused => captured
                .packets
                .push((*packet.header, packet.payload.to_vec())),
        }
    }
    Ok(captured)
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Packets that were played.
    pub played: usize,
    /// Packets that are not in the capture.
    pub missing: usize,
    /// Sends whose return value is not known.
    pub unknown_returns: usize,
    /// Sends in an ioctl.
    pub calls: usize,
    /// Those of them whose ioctl is known.
    pub ioctls: usize,
    /// Ioctls whose result is known.
    pub ioctl_ends: usize,
    /// Differences.
    pub wrong: Vec<String>,
}

/// The parts of a packet that a capture must preserve: all but processor and time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Essence {
    sent: bool,
    kind: u8,
    relid: u32,
    packet_type: u16,
    flags: u16,
    transaction: u64,
    refusals: u32,
    payload: Vec<u8>,
}

/// What has an order of its own: the packets that a channel received, and those
/// that a thread sent on it.
type Lane = (u8, u32, u32);

/// A packet that was played, and who asked for it.
type Wanted<'a> = (Essence, Option<&'a Played>);

/// Compares. `sequential`: everything was played one after the other, so even
/// packets of different channels have an order.
pub fn compare(played: &[Played], captured: &Captured, sequential: bool) -> Verdict {
    let mut verdict = Verdict {
        played: played.len(),
        ..Verdict::default()
    };
    // The requester of each completion, as the log has it.
    let mut requesters: HashMap<(u32, u64), &Played> = HashMap::new();
    let mut wanted: BTreeMap<Lane, Vec<Wanted<'_>>> = BTreeMap::new();
    for one in played {
        let requester = if one.sent {
            if one.flags & FLAG_COMPLETION_REQUESTED != 0 && one.value == 0 {
                requesters.insert((one.relid, one.transaction), one);
            }
            Some(one)
        } else if one.packet_type == PACKET_COMPLETION {
            requesters.remove(&(one.relid, one.transaction))
        } else {
            None
        };
        let lane = lane(sequential, one.sent, one.relid, one.tid);
        let entry = (essence(one), requester);
        wanted.entry(lane).or_default().push(entry);
    }
    let mut found: BTreeMap<_, Vec<&(RecordHeader, Vec<u8>)>> = BTreeMap::new();
    for packet in &captured.packets {
        let header = &packet.0;
        let sent = header.direction == Direction::GuestToHost;
        let lane = lane(sequential, sent, header.channel, header.tid);
        found.entry(lane).or_default().push(packet);
    }
    for (lane, wanted) in &wanted {
        let found = found.remove(lane).unwrap_or_default();
        walk(wanted, &found, &mut verdict);
    }
    ioctls(played, &captured.ioctls, &mut verdict);
    for (lane, found) in found {
        let text = format!("{} packets of {lane:?} were never played", found.len());
        verdict.wrong.push(text);
    }
    verdict
}

fn lane(sequential: bool, sent: bool, relid: u32, tid: u32) -> Lane {
    match (sequential, sent) {
        (true, _) => (0, 0, 0),
        (false, true) => (1, relid, tid),
        (false, false) => (2, relid, 0),
    }
}

/// Both in order; what the capture lacks is passed over and counted.
fn walk(wanted: &[Wanted<'_>], found: &[&(RecordHeader, Vec<u8>)], verdict: &mut Verdict) {
    let mut at = 0;
    for (header, payload) in found.iter().copied() {
        let essence = captured_essence(header, payload);
        let Some(offset) = wanted[at..].iter().position(|(one, _)| *one == essence) else {
            let expected = wanted.get(at).map(|(one, _)| describe(one));
            complain(
                verdict,
                format!(
                    "captured, but not played here: {}; played: {}",
                    describe(&essence),
                    expected.unwrap_or_default()
                ),
            );
            continue;
        };
        verdict.missing += offset;
        at += offset;
        if let Some(one) = &wanted[at].1 {
            attribution(header, one, verdict);
        } else if header.known.has(KnownFields::TASK) {
            complain(
                verdict,
                format!("a task for a message of the host: {header:?}"),
            );
        }
        at += 1;
    }
    verdict.missing += wanted.len() - at;
}

/// Whose packet it is, and what became of the send.
fn attribution(header: &RecordHeader, played: &Played, verdict: &mut Verdict) {
    let sent = header.direction == Direction::GuestToHost;
    if !header.known.has(KnownFields::TASK) {
        // The request may be among the lost.
        if sent || verdict.missing == 0 {
            complain(verdict, format!("no task: {header:?}"));
        }
        return;
    }
    let task = (header.pid, header.tid, header.comm);
    if task != (played.pid, played.tid, played.comm) {
        complain(verdict, format!("task {task:?}, played by {played:?}"));
    }
    if !sent {
        return;
    }
    if !header.known.has(KnownFields::RETURN_VALUE) {
        verdict.unknown_returns += 1;
    } else if header.return_value != played.value {
        complain(
            verdict,
            format!("return value of {header:?} is not {}", played.value),
        );
    }
    if header.known.has(KnownFields::EXPECTED_REPLY)
        && header.expected_reply_length != played.expected
    {
        complain(
            verdict,
            format!("{header:?} expects not {}", played.expected),
        );
    }
    verdict.calls += usize::from(played.ioctl != 0);
    if header.known.has(KnownFields::IOCTL) {
        verdict.ioctls += 1;
        if header.ioctl != played.ioctl {
            complain(
                verdict,
                format!("ioctl {:x}, played {:x}", header.ioctl, played.ioctl),
            );
        }
    }
}

/// What each ioctl told its thread, in the thread's order. Of one whose end was
/// missed there is no record.
fn ioctls(played: &[Played], ended: &[RecordHeader], verdict: &mut Verdict) {
    let mut calls: HashMap<u32, Vec<(u32, i32)>> = HashMap::new();
    for one in played.iter().filter(|one| one.ioctl != 0) {
        let call = (one.ioctl, one.result);
        calls.entry(one.tid).or_default().push(call);
    }
    let mut places: HashMap<u32, usize> = HashMap::new();
    // Where a thread of the kernel sends, whoever made it do so only waits, and
    // is not in the log. Without a result, the end was missed.
    let made = |header: &&RecordHeader| {
        !header.comm.starts_with(b"kworker") && header.known.has(KnownFields::IOCTL_RESULT)
    };
    for header in ended.iter().filter(made) {
        let call = (header.ioctl, header.ioctl_result);
        let place = places.entry(header.tid).or_default();
        let rest = calls.get(&header.tid).and_then(|calls| calls.get(*place..));
        match rest.and_then(|rest| rest.iter().position(|played| *played == call)) {
            Some(offset) => {
                *place += offset + 1;
                verdict.ioctl_ends += 1;
            }
            None => complain(verdict, format!("an ioctl that nobody made: {header:?}")),
        }
    }
}

fn complain(verdict: &mut Verdict, text: String) {
    verdict.wrong.push(text);
}

fn essence(played: &Played) -> Essence {
    Essence {
        sent: played.sent,
        kind: if played.value == 0 {
            RecordKind::Packet
        } else {
            RecordKind::Refused
        } as u8,
        relid: played.relid,
        packet_type: played.packet_type,
        flags: played.flags,
        transaction: played.transaction,
        refusals: played.refusals,
        payload: played.payload.clone(),
    }
}

fn captured_essence(header: &RecordHeader, payload: &[u8]) -> Essence {
    Essence {
        sent: header.direction == Direction::GuestToHost,
        kind: header.kind as u8,
        relid: header.channel,
        packet_type: header.packet_type,
        flags: header.packet_flags,
        transaction: header.transaction,
        refusals: header.attempts_before(),
        payload: payload.to_vec(),
    }
}

fn describe(one: &Essence) -> String {
    let mut text = format!(
        "{} {} type {} flags {} transaction {:#x} refused {} kind {} {} bytes ",
        if one.sent { "->" } else { "<-" },
        one.relid,
        one.packet_type,
        one.flags,
        one.transaction,
        one.refusals,
        one.kind,
        one.payload.len()
    );
    for byte in one.payload.iter().take(24) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
