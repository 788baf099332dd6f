//! The stand-in: a process that plays the packets of a capture through
//! functions with the names and signatures of the kernel's.
//!
//! The probe hooks these functions with uprobes and handles them like the
//! kernel's. So a capture can be made, demonstrated and tested on any Linux
//! machine, without GPU, Hyper-V or driver. The probe sees each packet as it
//! was recorded, except for time, process and processor.
//!
//! Each recorded thread is played by a thread of the same name, and received
//! packets by one more thread, in place of the softirq. They run one at a time,
//! in the recorded order.
//!
//! `driver` has the hooked functions, `channel` the fake channel that they are
//! called with, `worker` the threads; [`Player`] turns recorded packets into
//! jobs for these. `handshake` starts a stand-in process and lets a tracer
//! attach; `load` sends messages at a steady rate.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

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
    ChannelEvent, Direction, IoctlEnd, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::{EAGAIN, EOVERFLOW, ERESTARTSYS};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION};
use hashlink::LinkedHashMap;

pub use handshake::{StandIn, announce};
pub use load::{LoadGenerator, LoadReport};

use channel::FakeChannel;
use worker::{ChannelJob, OpenIoctl, ReceiveJob, SendJob, StandInThread, TaskIdentity, Workers};

/// Most received packets that are played as one batch.
const BATCH: usize = 16;
/// Most requests that are remembered until their completion. The oldest is
/// dropped first.
const REQUESTS_LIMIT: usize = 65_536;
/// Longest payload that a packet descriptor can describe, in bytes. Its length
/// field counts units of 8 bytes, including the descriptor.
const PAYLOAD_LIMIT: usize = 0xffff * 8 - 16;

/// How packets are played.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlayOptions {
    /// When each packet is played.
    pub pace: Pace,
    /// Whether a fake network adapter sends and receives between the packets.
    /// The probe must not record it.
    pub noise: bool,
}

/// When packets are played.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Pace {
    /// As fast as possible.
    #[default]
    Unpaced,
    /// At the recorded intervals, divided by this factor.
    Speed(f64),
}

/// Counts of what was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaySummary {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that `vmbus_sendpacket` refused finally.
    pub refused: u64,
    /// Packets received.
    pub received: u64,
}

/// Plays packets in order.
pub struct Player {
    options: PlayOptions,
    workers: Workers,
    channels: HashMap<u32, Arc<FakeChannel>>,
    foreign: Arc<FakeChannel>,
    /// Received packets of one channel that will be played together.
    batch: Vec<ExpectedPacket>,
    /// Sender and header of each open request, by channel and transaction id.
    requesters: LinkedHashMap<(u32, u64), (TaskIdentity, RecordHeader)>,
    /// When the first packet was played, and its recorded time.
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
    /// The task whose wait this packet ends.
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

    /// Plays a packet that was recorded on `channel`.
    ///
    /// `played` is called with each packet as a capture of the stand-in must
    /// show it: with the stand-in's pid and tid, and padded to its full length.
    /// Received packets are batched, so that `played` may be called for a packet
    /// during a later call, but always in order.
    ///
    /// # Errors
    /// A thread cannot be created or has ended.
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
                return self.play_ioctl_end(packet, played);
            }
            RecordKind::Channel => {
                self.flush(played)?;
                return self.play_channel_event(packet, channel, played);
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

    /// Plays the last batch, ends open ioctls and ends the threads.
    ///
    /// # Errors
    /// A thread cannot be created or has ended.
    pub fn finish(mut self, played: &mut dyn FnMut(&Packet<'_>)) -> io::Result<PlaySummary> {
        self.flush(played)?;
        for task in self.workers.in_ioctl() {
            // How they ended was not recorded.
            self.workers.task(task)?.answer(ERESTARTSYS)?;
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
        self.end_previous(task, ioctl, packet, played)?;
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
            refusals: recorded.attempts_before(),
            value,
            ioctl,
            expected,
        })?;
        match (expected, value) {
            (Some(_), 0) => worker.waits = true,
            (Some(_), value) => worker.record_wait(value),
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
            ..packet_fields(recorded)
        };
        if header.kind == RecordKind::Refused {
            self.summary.refused += 1;
        } else {
            self.summary.sent += 1;
            if header.packet_flags & FLAG_COMPLETION_REQUESTED != 0 {
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
            ..packet_fields(recorded)
        };
        let mut answers = None;
        if header.packet_type == PACKET_COMPLETION
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

    /// Plays the end of an ioctl. An ioctl that sent no message is played whole.
    fn play_ioctl_end(
        &mut self,
        packet: &Packet<'_>,
        played: &mut dyn FnMut(&Packet<'_>),
    ) -> io::Result<()> {
        let recorded = packet.header;
        let request = recorded.ioctl;
        let task = task(recorded);
        self.end_previous(task, Some(request), packet, played)?;
        let worker = self.workers.task(task)?;
        let open = worker.end_ioctl(request, recorded.ioctl_result)?;
        report_ioctl_end(worker, &open, recorded.ioctl_result, packet, played);
        Ok(())
    }

    /// Plays what happened to a channel.
    fn play_channel_event(
        &mut self,
        packet: &Packet<'_>,
        channel: &Channel,
        played: &mut dyn FnMut(&Packet<'_>),
    ) -> io::Result<()> {
        let recorded = packet.header;
        // A later version knows of more.
        let Some(event) = ChannelEvent::decode(packet.payload) else {
            return Ok(());
        };
        let relid = recorded.channel;
        let fake = self.channels.entry(relid);
        let fake = fake.or_insert_with(|| Arc::new(FakeChannel::new(channel, relid)));
        let job = ChannelJob {
            channel: fake.clone(),
            event,
            value: recorded.return_value,
        };
        let task = task(recorded);
        self.end_previous(task, None, packet, played)?;
        let worker = self.workers.task(task)?;
        worker.channel_event(job)?;
        let header = RecordHeader {
            known: KnownFields(recorded.known.0 & KnownFields::RETURN_VALUE | KnownFields::TASK),
            pid: std::process::id(),
            tid: worker.tid,
            comm: worker.comm,
            return_value: recorded.return_value,
            payload_length: ChannelEvent::LENGTH as u32,
            ..packet_fields(recorded)
        };
        played(&Packet {
            header: &header,
            ..*packet
        });
        Ok(())
    }

    /// Ends the wait of `task`, and its ioctl unless that is `next`. The task
    /// does something else now, so both have ended even if no record says so.
    fn end_previous(
        &mut self,
        task: TaskIdentity,
        next: Option<u32>,
        packet: &Packet<'_>,
        played: &mut dyn FnMut(&Packet<'_>),
    ) -> io::Result<()> {
        let worker = self.workers.task(task)?;
        worker.answer(ERESTARTSYS)?;
        if let Some(open) = worker.open
            && next != Some(open.request)
        {
            let open = worker.end_ioctl(open.request, 0)?;
            report_ioctl_end(worker, &open, 0, packet, played);
        }
        Ok(())
    }

    fn make_noise(&mut self) -> io::Result<()> {
        let channel = self.foreign.clone();
        let packets = vec![driver::ring_packet(&NOISE, &[0xaa; 64])];
        let softirq = self.workers.softirq()?;
        for event in [ChannelEvent::Offer, ChannelEvent::Open] {
            let channel = channel.clone();
            softirq.channel_event(ChannelJob {
                channel,
                event,
                value: 0,
            })?;
        }
        softirq.receive(ReceiveJob {
            channel: channel.clone(),
            packets,
        })?;
        for event in [ChannelEvent::Close, ChannelEvent::Rescind] {
            let channel = channel.clone();
            softirq.channel_event(ChannelJob {
                channel,
                event,
                value: 0,
            })?;
        }
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

/// Calls `played` with the record of an ioctl's end. Its duration is not known
/// and left 0.
fn report_ioctl_end(
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

/// The task that sent a packet.
fn task(header: &RecordHeader) -> TaskIdentity {
    if header.known.has(KnownFields::TASK) {
        (header.pid, header.tid, header.comm)
    } else {
        (0, 0, *b"unknown\0\0\0\0\0\0\0\0\0")
    }
}

/// A copy of `recorded` with the fields of the packet itself, without those of
/// its task.
fn packet_fields(recorded: &RecordHeader) -> RecordHeader {
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
