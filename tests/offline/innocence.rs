//! Tests that incomplete captures give no false accusations. Of a correct capture, packets
//! are removed and reported as lost, the beginning is cut, the end is cut, or a waiting
//! thread is killed. No error, warning or known issue that blames host, driver, library or
//! transport may appear that the whole capture does not have.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, LostPackets, RecordHeader, RecordKind,
};
use dxgtrace_query::rules::{RuleVerdict, Rules};
use dxgtrace_session::Session;
use dxgtrace_session::check::{Finding, Layer, Severity};
use dxgtrace_session::entry::Entry;
use dxgtrace_tests::generate::Dice;

/// Captures without faults, and two with faults of their own.
const SAMPLES: [&str; 12] = [
    "v40-basic",
    "v40-enum",
    "v40-leak",
    "v40-opens",
    "gpadl",
    "rescind",
    "hang-fence",
    "v40-errors",
    "synthetic-ioctls",
    "findings/channel.rescinded",
    "findings/channel.unanswered",
    "findings/channel.gone",
];
/// Packets taken of a sample: from its beginning on.
const LONGEST: usize = 600;
/// Mutations without the environment variable `DXGTRACE_CUTS`.
const CUTS: u64 = 10_000;
/// What an ioctl returns whose thread was killed: ERESTARTSYS.
const KILLED: i32 = -512;
/// A time after which an unanswered request is an accusation.
const LONG: u64 = 20_000_000_000;

#[derive(Clone)]
struct Recorded {
    /// Its number in the whole capture; 0 for a record that was added.
    origin: u64,
    time: u64,
    interface: u32,
    header: RecordHeader,
    payload: Vec<u8>,
}

fn load(name: &str) -> (Vec<Channel>, Vec<Recorded>) {
    let path = dxgtrace_tests::samples().join(format!("{name}.pcapng"));
    let mut reader = dxgtrace_file::open(&path).unwrap();
    let mut packets = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let packet = record.packet;
        if packets.len() == LONGEST {
            break;
        }
        packets.push(Recorded {
            origin: packet.number,
            time: packet.time,
            interface: packet.interface,
            header: *packet.header,
            payload: packet.payload.to_vec(),
        });
    }
    (reader.channels().to_vec(), packets)
}

/// What is said against somebody: code or rule, and the packet in the whole
/// capture.
type Accusations = BTreeSet<(String, u64)>;

fn accuses(finding: &Finding) -> bool {
    finding.code().severity() >= Severity::Warn && finding.layer != Layer::Capture
}

fn accusations(channels: &[Channel], packets: &[Recorded], rules: &Rules) -> Accusations {
    let mut session = Session::new();
    let mut run = rules.start_run();
    let mut said = Accusations::new();
    for (at, recorded) in packets.iter().enumerate() {
        let packet = Packet {
            number: at as u64 + 1,
            time: recorded.time,
            interface: recorded.interface,
            header: &recorded.header,
            payload: &recorded.payload,
        };
        let mut findings = Vec::new();
        let seen = session.analyze(&packet, &mut |finding| findings.push(finding));
        for finding in findings.iter().filter(|finding| accuses(finding)) {
            said.insert((finding.code().word().to_owned(), recorded.origin));
        }
        run.analyze(&Entry {
            packet: &packet,
            channels,
            analysis: &seen,
            request: session.answered_request(),
            findings: &findings,
            changes: session.object_changes(),
            reply_in: None,
            capture_start: packets[0].time,
            previous_captured: recorded.time,
            previous_shown: recorded.time,
        });
    }
    session.finish(&mut |number, finding| {
        if accuses(&finding) {
            let origin = packets[number as usize - 1].origin;
            said.insert((finding.code().word().to_owned(), origin));
        }
    });
    run.finish(&session.unanswered_requests());
    for found in run.matches() {
        if found.rule.verdict != RuleVerdict::Harmless {
            said.insert((found.rule.name.clone(), 0));
        }
    }
    said
}

/// A record of `count` lost packets, at the place of `before`.
fn loss(before: &Recorded, count: u64) -> Recorded {
    let lost = LostPackets {
        ring_full: count,
        ..LostPackets::default()
    };
    Recorded {
        origin: 0,
        header: RecordHeader {
            kind: RecordKind::Lost,
            payload_length: LostPackets::LENGTH as u32,
            ..RecordHeader::EMPTY
        },
        payload: lost.encode().to_vec(),
        ..before.clone()
    }
}

/// Removes packets in one to three runs, and says so where they were.
fn lose(packets: &[Recorded], dice: &mut Dice) -> Vec<Recorded> {
    let mut left = packets.to_vec();
    for _ in 0..dice.between(1, 3) {
        let from = dice.between(0, left.len() as u64 - 1) as usize;
        let longest = (left.len() - from).min(40) as u64;
        let count = dice.between(1, longest) as usize;
        let first = left[from].clone();
        let record = loss(&first, count as u64);
        left.splice(from..from + count, [record]);
    }
    left
}

/// Lets time pass at the end, as a capture does whose reader looks away: an
/// ioctl of another thread ends long after everything else.
fn idle(packets: &mut Vec<Recorded>) {
    let Some(last) = packets.last().cloned() else {
        return;
    };
    let end = IoctlEnd {
        duration: 1_000,
        messages: 0,
    };
    packets.push(Recorded {
        origin: 0,
        time: last.time + LONG,
        header: RecordHeader {
            kind: RecordKind::Ioctl,
            known: KnownFields(KnownFields::TASK | KnownFields::IOCTL | KnownFields::IOCTL_RESULT),
            pid: 99_999,
            tid: 99_999,
            payload_length: IoctlEnd::LENGTH as u32,
            ..RecordHeader::EMPTY
        },
        payload: end.encode().to_vec(),
        ..last
    });
}

/// Kills a thread while it waits for a reply: the reply comes late or never, its
/// ioctl ends with -512, and the thread sends nothing more but the driver's
/// cleaning up.
fn kill(packets: &[Recorded], dice: &mut Dice) -> Vec<Recorded> {
    let waits = |one: &&Recorded| {
        one.header.kind == RecordKind::Packet
            && one.header.direction == Direction::GuestToHost
            && one.header.known.has(KnownFields::TASK)
            && one.header.packet_flags & 1 != 0
    };
    let requests: Vec<usize> = (0..packets.len())
        .filter(|at| waits(&&packets[*at]))
        .collect();
    let Some(at) = dice.pick(&requests) else {
        return packets.to_vec();
    };
    let request = &packets[at];
    let mut left = packets[..=at].to_vec();
    let end = IoctlEnd {
        duration: 2_000_000,
        messages: 1,
    };
    let mut header = request.header;
    header.kind = RecordKind::Ioctl;
    header.known.0 |= KnownFields::IOCTL | KnownFields::IOCTL_RESULT;
    header.ioctl_result = KILLED;
    header.payload_length = IoctlEnd::LENGTH as u32;
    left.push(Recorded {
        origin: 0,
        time: request.time + 2_000_000,
        header,
        payload: end.encode().to_vec(),
        ..request.clone()
    });
    // What other threads do goes on; of this one nothing more is captured, and
    // the capture says that it was told to leave it out from here on.
    let pid = request.header.pid;
    left.extend(
        packets[at + 1..]
            .iter()
            .filter(|one| one.header.pid != pid)
            .cloned(),
    );
    left
}

#[test]
fn no_cut_loss_stop_or_kill_makes_somebody_guilty() {
    let cuts = std::env::var("DXGTRACE_CUTS").map_or(CUTS, |text| text.parse().unwrap());
    let rules = Rules::shipped().unwrap();
    let samples: Vec<_> = SAMPLES.iter().map(|name| load(name)).collect();
    let whole: Vec<Accusations> = samples
        .iter()
        .map(|(channels, packets)| accusations(channels, packets, &rules))
        .collect();
    let mut wrong: Vec<String> = Vec::new();
    for number in 0..cuts {
        let mut dice = Dice::named(number, "innocence");
        let index = number as usize % SAMPLES.len();
        let (channels, packets) = &samples[index];
        let last = packets.len() as u64 - 1;
        let (how, mut cut) = match number / SAMPLES.len() as u64 % 5 {
            0 => ("lost", lose(packets, &mut dice)),
            1 => (
                "begun late",
                packets[dice.between(0, last) as usize..].to_vec(),
            ),
            2 => (
                "stopped early",
                packets[..=dice.between(0, last) as usize].to_vec(),
            ),
            3 => ("killed", kill(packets, &mut dice)),
            _ => {
                let from = dice.between(0, last) as usize;
                ("begun late and lost", lose(&packets[from..], &mut dice))
            }
        };
        // A request that waits when the capture is stopped is no accusation,
        // and after a loss or a kill no idle time makes it one.
        if ["lost", "killed", "begun late and lost"].contains(&how) {
            idle(&mut cut);
        }
        let said = accusations(channels, &cut, &rules);
        for (what, packet) in said.difference(&whole[index]) {
            wrong.push(format!(
                "{what} on packet {packet} of {}, {how}, number {number}",
                SAMPLES[index]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cuts} accuse:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}
