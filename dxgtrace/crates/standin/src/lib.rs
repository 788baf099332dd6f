//! The stand-in: plays the packets of a capture through functions with the
//! driver's signatures, in a process of its own.
//!
//! The probe hooks these functions by uprobe with the same logic that hooks the
//! kernel's, so a capture can be made, shown and tested on any Linux machine,
//! without a GPU, Hyper-V or the driver. What the probe sees of a packet that
//! was played is what was recorded, except for time, process and processor.
//!
//! Each recorded thread gets a thread with its name; one more receives, as the
//! softirq does. They run one at a time, in the recorded order.

mod channel;
mod driver;
mod handshake;
mod load;
mod worker;

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, RecordHeader, RecordKind,
};
use hashlink::LinkedHashMap;

pub use handshake::{StandIn, announce};
pub use load::{LoadGenerator, LoadReport};

use channel::FakeChannel;
use worker::{OpenIoctl, ReceiveJob, SendJob, StandInThread, TaskIdentity, Workers};

/// Received packets that are played as one batch at most.
const BATCH: usize = 16;
/// Requests that may wait for their completion; the oldest is forgotten first.
const REQUESTS_LIMIT: usize = 65_536;
/// The longest payload that fits a packet descriptor, in whole 8-byte units.
const PAYLOAD_LIMIT: usize = 0xffff * 8 - 16;
/// What `vmbus_sendpacket` returns when the ring is full.
const EAGAIN: i32 = -11;
/// What the driver makes of a reply that is too short.
const EOVERFLOW: i32 = -75;
/// What a wait returns that was given up.
const KILLED: i32 = -512;
/// VMBus packet type of a completion.
const COMPLETION: u16 = 11;
/// VMBus packet flag that asks for one.
const COMPLETION_REQUESTED: u16 = 1;

/// How to play.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlayOptions {
    /// How fast.
    pub pace: Pace,
    /// Let another device of the VMBus send and receive in between, as the
    /// network does in a real guest. The probe must not notice.
    pub noise: bool,
}

/// How fast packets are played.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Pace {
    /// As fast as possible.
    #[default]
    Unpaced,
    /// At the recorded times, so many times faster.
    Speed(f64),
}

/// What was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaySummary {
    /// Messages sent, without refused ones.
    pub sent: u64,
    /// Sends that failed for good.
    pub refused: u64,
    /// Packets received.
    pub received: u64,
}

/// Plays packets, one after the other.
pub struct Player {
    options: PlayOptions,
    workers: Workers,
    channels: HashMap<u32, Arc<FakeChannel>>,
    foreign: Arc<FakeChannel>,
    /// Received packets that wait to be played together, all of one channel.
    batch: Vec<ExpectedPacket>,
    /// By channel and transaction id, who asked.
    requesters: LinkedHashMap<(u32, u64), (TaskIdentity, RecordHeader)>,
    clock: Option<(Instant, u64)>,
    summary: PlaySummary,
}

/// A packet as a capture must show it.
struct ExpectedPacket {
    number: u64,
    time: u64,
    interface: u32,
    header: RecordHeader,
    payload: Vec<u8>,
    /// Who waits for it.
    answers: Option<TaskIdentity>,
}

impl Player {
    /// A player that has played nothing yet.
    pub fn new(options: PlayOptions) -> Self {
        Self {
            options,
            workers: Workers::default(),
            channels: HashMap::new(),
            foreign: Arc::new(FakeChannel::foreign()),
            batch: Vec::new(),
            requesters: LinkedHashMap::new(),
            clock: None,
            summary: PlaySummary::default(),
        }
    }

    /// Plays a packet that was recorded on `channel`. `played` is told what a
    /// capture of the stand-in must show for it: the packet with the pid and
    /// tid it really has now, padded and complete. It can be told later, but
    /// always in order.
    pub fn play(
        &mut self,
        packet: &Packet<'_>,
        channel: &Channel,
        played: &mut dyn FnMut(&Packet<'_>),
    ) -> io::Result<()> {
        match packet.header.kind {
            RecordKind::Lost => return Ok(()),
            RecordKind::Ioctl => {
                self.flush(played)?;
                return self.end(packet, played);
            }
            RecordKind::Packet | RecordKind::Refused => {}
        }
        let receives = packet.header.direction == Direction::HostToGuest;
        let same_channel = self
            .batch
            .first()
            .is_none_or(|first| first.header.channel == packet.header.channel);
        if !receives || !same_channel || self.batch.len() >= BATCH || self.options.noise {
            self.flush(played)?;
        }
        if let Pace::Speed(speed) = self.options.pace {
            self.flush(played)?;
            self.wait_for(packet.time, speed);
        }
        self.channels
            .entry(packet.header.channel)
            .or_insert_with(|| Arc::new(FakeChannel::new(channel, packet.header.channel)));
        if receives {
            self.receive(packet);
        } else {
            self.send(packet, played)?;
        }
        if self.options.noise {
            self.flush(played)?;
            self.make_noise()?;
        }
        Ok(())
    }

    /// Plays what is outstanding and ends the threads.
    pub fn finish(mut self, played: &mut dyn FnMut(&Packet<'_>)) -> io::Result<PlaySummary> {
        self.flush(played)?;
        for task in self.workers.open() {
            // How they ended was not recorded.
            self.workers.task(task)?.answer(KILLED)?;
        }
        Ok(self.summary)
    }

    fn send(&mut self, packet: &Packet<'_>, played: &mut dyn FnMut(&Packet<'_>)) -> io::Result<()> {
        let recorded = packet.header;
        let mut payload = packet.payload.to_vec();
        let length = (recorded.payload_length as usize).min(PAYLOAD_LIMIT);
        payload.resize(length.max(payload.len()), 0);
        let value = match recorded.kind {
            RecordKind::Refused if recorded.known.has(KnownFields::RETURN_VALUE) => {
                recorded.return_value
            }
            RecordKind::Refused => EAGAIN,
            _ => 0,
        };
        let channel = self.channel(recorded.channel);
        let task = task(recorded);
        let known = recorded.known;
        let expected = known
            .has(KnownFields::EXPECTED_REPLY)
            .then_some(recorded.expected_reply_length);
        let ioctl = known.has(KnownFields::IOCTL).then_some(recorded.ioctl);
        self.leave(task, ioctl, packet, played)?;
        let worker = self.workers.task(task)?;
        let (tid, comm) = (worker.tid, worker.comm);
        if let Some(request) = ioctl {
            let open = worker.open.get_or_insert_with(|| OpenIoctl {
                request,
                ..OpenIoctl::default()
            });
            open.messages += u64::from(recorded.kind == RecordKind::Packet);
        }
        let payload = worker.send(SendJob {
            channel,
            payload,
            transaction: recorded.transaction,
            packet_type: recorded.packet_type,
            flags: recorded.packet_flags,
            refusals: recorded.refused_attempts,
            value,
            ioctl,
            expected,
        })?;
        match (expected, value) {
            (Some(_), 0) => worker.waits = true,
            (Some(_), value) => worker.waited(value),
            (None, _) => {}
        }
        let view = known.0 & (KnownFields::EXPECTED_REPLY | KnownFields::IOCTL);
        let header = RecordHeader {
            known: KnownFields(
                KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH | view,
            ),
            ioctl: ioctl.unwrap_or(0),
            expected_reply_length: expected.unwrap_or(0),
            pid: std::process::id(),
            tid,
            comm,
            return_value: value,
            payload_length: payload.len() as u32,
            ..bare(recorded)
        };
        if header.kind == RecordKind::Refused {
            self.summary.refused += 1;
        } else {
            self.summary.sent += 1;
            if header.packet_flags & COMPLETION_REQUESTED != 0 {
                self.requesters
                    .insert((header.channel, header.transaction), (task, header));
                if self.requesters.len() > REQUESTS_LIMIT {
                    self.requesters.pop_front();
                }
            }
        }
        played(&Packet {
            header: &header,
            payload: &payload,
            ..*packet
        });
        Ok(())
    }

    fn receive(&mut self, packet: &Packet<'_>) {
        let recorded = packet.header;
        let length = (recorded.payload_length as usize).max(packet.payload.len());
        let mut payload = packet.payload.to_vec();
        // The ring carries whole 8-byte units.
        payload.resize(length.min(PAYLOAD_LIMIT).next_multiple_of(8), 0);
        let mut header = RecordHeader {
            known: KnownFields(0),
            payload_length: payload.len() as u32,
            refused_attempts: 0,
            ..bare(recorded)
        };
        let mut answers = None;
        if header.packet_type == COMPLETION
            && let Some((task, request)) = self
                .requesters
                .remove(&(header.channel, header.transaction))
        {
            let view = request.known.0 & (KnownFields::EXPECTED_REPLY | KnownFields::IOCTL);
            header.known = KnownFields(KnownFields::TASK | KnownFields::REQUESTER | view);
            header.ioctl = request.ioctl;
            header.expected_reply_length = request.expected_reply_length;
            answers = Some(task);
            header.pid = request.pid;
            header.tid = request.tid;
            header.comm = request.comm;
        }
        self.batch.push(ExpectedPacket {
            number: packet.number,
            time: packet.time,
            interface: packet.interface,
            header,
            payload,
            answers,
        });
    }

    /// Plays the batch of received packets.
    fn flush(&mut self, played: &mut dyn FnMut(&Packet<'_>)) -> io::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        let Some(first) = batch.first() else {
            return Ok(());
        };
        let channel = self.channel(first.header.channel);
        let packets = batch
            .iter()
            .map(|expected| driver::ring_packet(&expected.header, &expected.payload))
            .collect();
        self.workers
            .softirq()?
            .receive(ReceiveJob { channel, packets })?;
        for expected in &batch {
            self.summary.received += 1;
            if let Some(task) = expected.answers {
                let short = expected.header.payload_length < expected.header.expected_reply_length;
                let value = if short { EOVERFLOW } else { 0 };
                self.workers.task(task)?.answer(value)?;
            }
            played(&Packet {
                number: expected.number,
                time: expected.time,
                interface: expected.interface,
                header: &expected.header,
                payload: &expected.payload,
            });
        }
        Ok(())
    }

    /// A thread ends its ioctl, or one without messages takes place.
    fn end(&mut self, packet: &Packet<'_>, played: &mut dyn FnMut(&Packet<'_>)) -> io::Result<()> {
        let recorded = packet.header;
        let request = recorded.ioctl;
        let task = task(recorded);
        self.leave(task, Some(request), packet, played)?;
        let worker = self.workers.task(task)?;
        let open = worker.end(request, recorded.ioctl_result)?;
        played_end(worker, &open, recorded.ioctl_result, packet, played);
        Ok(())
    }

    /// A thread that goes on with something else no longer waits, and has left
    /// its ioctl, whether or not that was recorded.
    fn leave(
        &mut self,
        task: TaskIdentity,
        next: Option<u32>,
        packet: &Packet<'_>,
        played: &mut dyn FnMut(&Packet<'_>),
    ) -> io::Result<()> {
        let worker = self.workers.task(task)?;
        worker.answer(KILLED)?;
        if let Some(open) = worker.open
            && next != Some(open.request)
        {
            let open = worker.end(open.request, 0)?;
            played_end(worker, &open, 0, packet, played);
        }
        Ok(())
    }

    fn make_noise(&mut self) -> io::Result<()> {
        let channel = self.foreign.clone();
        let packets = vec![driver::ring_packet(&NOISE, &[0xaa; 64])];
        let softirq = self.workers.softirq()?;
        softirq.receive(ReceiveJob {
            channel: channel.clone(),
            packets,
        })?;
        softirq.send(SendJob {
            channel,
            payload: vec![0xbb; 64],
            transaction: 1,
            packet_type: NOISE.packet_type,
            flags: 0,
            refusals: 0,
            value: 0,
            ioctl: None,
            expected: None,
        })?;
        Ok(())
    }

    fn channel(&self, relid: u32) -> Arc<FakeChannel> {
        self.channels.get(&relid).unwrap_or(&self.foreign).clone()
    }

    fn wait_for(&mut self, time: u64, speed: f64) {
        let (start, first) = *self.clock.get_or_insert_with(|| (Instant::now(), time));
        let nanoseconds = time.saturating_sub(first) as f64 / speed.max(f64::MIN_POSITIVE);
        let due = Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or(Duration::MAX);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

const NOISE: RecordHeader = RecordHeader {
    direction: Direction::HostToGuest,
    packet_type: 6,
    ..RecordHeader::EMPTY
};

/// Tells what a capture must show of the end of an ioctl, but for its time.
fn played_end(
    worker: &StandInThread,
    open: &OpenIoctl,
    result: i32,
    packet: &Packet<'_>,
    played: &mut dyn FnMut(&Packet<'_>),
) {
    let sync = if open.waited.is_some() {
        KnownFields::RETURN_VALUE
    } else {
        0
    };
    let end = IoctlEnd {
        duration: 0,
        messages: open.messages,
    };
    let header = RecordHeader {
        kind: RecordKind::Ioctl,
        direction: Direction::HostToGuest,
        known: KnownFields(
            KnownFields::TASK | KnownFields::IOCTL | KnownFields::IOCTL_RESULT | sync,
        ),
        pid: std::process::id(),
        tid: worker.tid,
        comm: worker.comm,
        return_value: open.waited.unwrap_or(0),
        ioctl: open.request,
        ioctl_result: result,
        payload_length: IoctlEnd::LENGTH as u32,
        ..RecordHeader::EMPTY
    };
    played(&Packet {
        header: &header,
        payload: &end.encode(),
        ..*packet
    });
}

/// Whose thread sent a packet.
fn task(header: &RecordHeader) -> TaskIdentity {
    if header.known.has(KnownFields::TASK) {
        (header.pid, header.tid, header.comm)
    } else {
        (0, 0, *b"unknown\0\0\0\0\0\0\0\0\0")
    }
}

/// What a recorded header says about the packet itself.
fn bare(recorded: &RecordHeader) -> RecordHeader {
    RecordHeader {
        kind: recorded.kind,
        direction: recorded.direction,
        channel_kind: recorded.channel_kind,
        packet_type: recorded.packet_type,
        packet_flags: recorded.packet_flags,
        channel: recorded.channel,
        transaction: recorded.transaction,
        refused_attempts: recorded.refused_attempts,
        ..NOISE
    }
}
