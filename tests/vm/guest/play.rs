//! Plays captures through the driver.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::EAGAIN;
use dxgtrace_protocol::table::framing::{
    FLAG_COMPLETION_REQUESTED, GLOBAL_CHANNEL, PACKET_COMPLETION, PACKET_INBAND, VGPU_CHANNEL,
};
use dxgtrace_protocol::table::guid;
use dxgtrace_protocol::table::ioctls::IOCTLS;

use crate::device::{Driver, Host, HostPackets, Mode, Offer, Sending};

/// Received packets that are played as one batch at most.
const BATCH: usize = 16;
/// The longest payload that fits a packet descriptor, in whole 8-byte units.
const PAYLOAD_LIMIT: usize = 0xffff * 8 - 16;
/// Interface type of a network adapter, as it stands in memory.
const NETWORK_TYPE: [u8; 16] = guid::from_literal("f8615163-df3e-46c5-913f-f2d2f965ed0e");

/// The channels of every play: the global one, two virtual GPUs, and one of
/// another device.
pub const GLOBAL: u32 = 20;
pub const VGPUS: [u32; 2] = [21, 22];
const NETWORK: u32 = 7;
/// A virtual GPU that comes and goes.
pub const PASSING: u32 = 23;

/// A packet of a capture.
struct Recorded {
    header: RecordHeader,
    payload: Vec<u8>,
    kind: ChannelKind,
}

fn load(path: &Path) -> io::Result<Vec<Recorded>> {
    let mut reader = dxgtrace_file::open(path).map_err(io::Error::other)?;
    let mut packets = Vec::new();
    while let Some(record) = reader.next_record().map_err(io::Error::other)? {
        let packet = record.packet;
        if packet.header.kind == RecordKind::Lost {
            continue;
        }
        let kind = record
            .channels
            .get(packet.interface as usize)
            .map_or(ChannelKind::Unknown, |channel: &Channel| channel.kind);
        let length = (packet.header.payload_length as usize)
            .max(packet.payload.len())
            .min(PAYLOAD_LIMIT);
        let mut payload = packet.payload.to_vec();
        payload.resize(length, 0);
        packets.push(Recorded {
            header: *packet.header,
            payload,
            kind,
        });
    }
    Ok(packets)
}

/// Offers the channels of every play.
pub fn offer(host: &Host) -> io::Result<()> {
    let [first, second] = VGPUS;
    for (relid, interface, instance) in [
        (GLOBAL, GLOBAL_CHANNEL, 1),
        (first, VGPU_CHANNEL, 2),
        (second, VGPU_CHANNEL, 3),
        (NETWORK, NETWORK_TYPE, 4),
    ] {
        host.offer(&Offer {
            relid,
            reserved: 0,
            interface,
            instance: [instance; 16],
        })?;
    }
    Ok(())
}

/// A virtual GPU and another device come, and go again.
pub fn come_and_go(host: &Host) -> io::Result<()> {
    for (relid, interface, instance) in [(PASSING, VGPU_CHANNEL, 5), (8, NETWORK_TYPE, 6)] {
        host.offer(&Offer {
            relid,
            reserved: 0,
            interface,
            instance: [instance; 16],
        })?;
    }
    host.rescind(8)?;
    host.rescind(PASSING)
}

/// A channel of every play for one of a capture.
fn relid(packet: &Recorded, adapters: &mut Vec<u32>) -> u32 {
    if packet.kind != ChannelKind::Vgpu {
        return GLOBAL;
    }
    let recorded = packet.header.channel;
    let index = adapters.iter().position(|&relid| relid == recorded);
    let index = index.unwrap_or_else(|| {
        adapters.push(recorded);
        adapters.len() - 1
    });
    VGPUS[index % VGPUS.len()]
}

/// Where in `packets` the completion of the send at `index` is, if it comes
/// before its thread sends again.
fn answer(packets: &[Recorded], index: usize) -> Option<usize> {
    let request = &packets[index].header;
    if request.packet_flags & FLAG_COMPLETION_REQUESTED == 0 || request.kind != RecordKind::Packet {
        return None;
    }
    for (at, packet) in packets.iter().enumerate().skip(index + 1) {
        let header = &packet.header;
        match header.direction {
            Direction::GuestToHost if task(header) == task(request) => return None,
            Direction::HostToGuest
                if header.packet_type == PACKET_COMPLETION
                    && header.channel == request.channel
                    && header.transaction == request.transaction =>
            {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

/// Whom a send belongs to: process, thread, name.
fn task(header: &RecordHeader) -> (u32, u32, [u8; 16]) {
    if header.known.has(KnownFields::TASK) {
        (header.pid, header.tid, header.comm)
    } else {
        (0, 0, *b"unknown\0\0\0\0\0\0\0\0\0")
    }
}

fn sending(packets: &[Recorded], index: usize, relid: u32) -> Sending {
    let packet = &packets[index];
    let header = &packet.header;
    let answer = answer(packets, index);
    let value = match header.kind {
        RecordKind::Refused if header.known.has(KnownFields::RETURN_VALUE) => header.return_value,
        RecordKind::Refused => EAGAIN,
        _ => 0,
    };
    Sending {
        request: IOCTLS[index % IOCTLS.len()].request(),
        relid,
        transaction: header.transaction,
        mode: match (header.packet_type, header.packet_flags, answer) {
            (PACKET_INBAND, FLAG_COMPLETION_REQUESTED, Some(_)) => Mode::Sync,
            (PACKET_INBAND, FLAG_COMPLETION_REQUESTED, None) => Mode::NoWait,
            (PACKET_INBAND, 0, _) => Mode::Async,
            _ => Mode::Raw,
        },
        in_worker: header.comm.starts_with(b"kworker"),
        packet_type: header.packet_type,
        flags: header.packet_flags,
        refusals: header.attempts_before(),
        value,
        payload: packet.payload.clone(),
        replies: HostPackets::default(),
        expected: answer.map_or(0, |at| packets[at].payload.len() as u32),
        // Some calls fail, as they do.
        result: if index % 7 == 3 { -22 } else { 0 },
    }
}

/// A thread that makes calls.
struct Caller {
    jobs: SyncSender<Sending>,
    done: Receiver<io::Result<()>>,
    busy: bool,
}

impl Caller {
    fn start(name: &[u8; 16]) -> io::Result<Self> {
        let (jobs, todo) = sync_channel::<Sending>(1);
        let (finished, done) = sync_channel(1);
        let driver = Driver::open()?;
        let name = c_name(name);
        std::thread::Builder::new().spawn(move || {
            // A name that cannot be set shows up in the comparison.
            let _ = rustix::thread::set_name(&name);
            while let Ok(sending) = todo.recv() {
                if finished.send(driver.send(&sending)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self {
            jobs,
            done,
            busy: false,
        })
    }

    fn start_call(&mut self, sending: Sending) -> io::Result<()> {
        self.finish_call()?;
        self.busy = true;
        self.jobs.send(sending).map_err(gone)
    }

    fn finish_call(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.busy) {
            self.done.recv().map_err(gone)??;
        }
        Ok(())
    }
}

fn c_name(name: &[u8; 16]) -> std::ffi::CString {
    let length = name.iter().position(|&byte| byte == 0).unwrap_or(15);
    std::ffi::CString::new(&name[..length]).unwrap_or_default()
}

fn gone<T>(_: T) -> io::Error {
    io::Error::other("a thread of the play has ended")
}

/// Plays a capture in its own order: each recorded thread is a thread, and the
/// host answers when the capture says.
pub fn in_order(path: &Path) -> io::Result<()> {
    let packets = load(path)?;
    let host = Host::open()?;
    let mut callers: HashMap<_, Caller> = HashMap::new();
    let mut adapters = Vec::new();
    let mut sent = 0;
    let mut index = 0;
    while index < packets.len() {
        let packet = &packets[index];
        let channel = relid(packet, &mut adapters);
        if packet.header.direction == Direction::GuestToHost {
            let sending = sending(&packets, index, channel);
            let caller = match callers.entry(task(&packet.header)) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let caller = Caller::start(&entry.key().2)?;
                    entry.insert(caller)
                }
            };
            let waits = sending.mode == Mode::Sync;
            caller.start_call(sending)?;
            if !waits {
                caller.finish_call()?;
            }
            sent += 1;
            host.wait_for_sent(sent)?;
            index += 1;
            continue;
        }
        let mut batch = HostPackets::default();
        let start = index;
        while let Some(packet) = packets.get(index)
            && packet.header.direction == Direction::HostToGuest
            && packet.header.channel == packets[start].header.channel
            && index - start < BATCH
        {
            let header = &packet.header;
            batch.push(
                channel,
                header.packet_type,
                header.packet_flags,
                header.transaction,
                &packet.payload,
            );
            index += 1;
        }
        host.deliver(&batch)?;
    }
    for caller in callers.values_mut() {
        caller.finish_call()?;
    }
    Ok(())
}

/// Plays the exchanges of a capture from several threads at once, each at its
/// own pace; the host answers at once.
pub fn at_once(path: &Path, process: u32, threads: u32, rounds: u32) -> io::Result<()> {
    let packets = load(path)?;
    let callers: Vec<_> = (0..threads)
        .map(|thread| {
            let calls = exchanges(&packets, process * 16 + thread);
            std::thread::Builder::new()
                .name(format!("app{process}-{thread}"))
                .spawn(move || -> io::Result<()> {
                    let driver = Driver::open()?;
                    let mut number = 0;
                    for _ in 0..rounds {
                        for (call, answer) in &calls {
                            number += 1;
                            let mut call = call.clone();
                            call.transaction = u64::from(process * 16 + thread + 1) << 32 | number;
                            for reply in answer {
                                let transaction = match reply.packet_type {
                                    PACKET_COMPLETION => call.transaction,
                                    _ => 0,
                                };
                                call.replies.push(
                                    reply.relid,
                                    reply.packet_type,
                                    0,
                                    transaction,
                                    &reply.payload,
                                );
                            }
                            driver.send(&call)?;
                        }
                    }
                    Ok(())
                })
        })
        .collect::<io::Result<_>>()?;
    for caller in callers {
        caller.join().map_err(gone)??;
    }
    Ok(())
}

struct Reply {
    relid: u32,
    packet_type: u16,
    payload: Vec<u8>,
}

/// The exchanges of a capture for one thread: odd threads use the second
/// virtual GPU. Messages of the host come along with the send before them.
fn exchanges(packets: &[Recorded], thread: u32) -> Vec<(Sending, Vec<Reply>)> {
    let mut calls: Vec<(Sending, Vec<Reply>)> = Vec::new();
    let channel = |packet: &Recorded| match packet.kind {
        ChannelKind::Vgpu => VGPUS[thread as usize % VGPUS.len()],
        _ => GLOBAL,
    };
    for (index, packet) in packets.iter().enumerate() {
        if packet.header.direction == Direction::GuestToHost {
            let mut sending = sending(packets, index, channel(packet));
            let mut replies = Vec::new();
            if let Some(at) = answer(packets, index) {
                replies.push(Reply {
                    relid: sending.relid,
                    packet_type: PACKET_COMPLETION,
                    payload: packets[at].payload.clone(),
                });
            }
            sending.in_worker = false;
            calls.push((sending, replies));
        } else if packet.header.packet_type == PACKET_INBAND
            && let Some((_, replies)) = calls.last_mut()
        {
            replies.push(Reply {
                relid: channel(packet),
                packet_type: PACKET_INBAND,
                payload: packet.payload.clone(),
            });
        }
    }
    calls
}
