//! Generates the packets of scenarios, the same in every process.

use std::fmt::Write;

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{
    ChannelEvent, ChannelKind, Direction, IoctlEnd, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::table::errno::{EAGAIN, ENODEV, EOVERFLOW, ERESTARTSYS};
use dxgtrace_protocol::table::framing::{PACKET_COMPLETION, PACKET_INBAND};

/// Request numbers of ioctls.
const CREATE: u32 = 0xc040_4702;
const ESCAPE: u32 = 0xc020_470d;
/// Index in [`channels`] of the channel that stands for the driver.
const DRIVER: u32 = 3;

/// A packet that owns its payload.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its header.
    pub header: RecordHeader,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Index of its channel in [`channels`].
    pub interface: u32,
}

impl Made {
    /// The packet, borrowed.
    pub fn packet(&self, number: u64) -> Packet<'_> {
        Packet {
            number,
            time: number * 1000,
            interface: self.interface,
            header: &self.header,
            payload: &self.payload,
        }
    }
}

/// The channels of all scenarios: the global one, two virtual GPUs, and one that stands
/// for the driver itself.
pub fn channels() -> Vec<Channel> {
    let channel = |name: &str, kind, relid, byte| Channel {
        name: name.into(),
        kind,
        relid,
        instance: Some([byte; 16]),
    };
    vec![
        channel("global", ChannelKind::Global, 20, 1),
        channel("vgpu0", ChannelKind::Vgpu, 21, 2),
        channel("vgpu1", ChannelKind::Vgpu, 22, 3),
        Channel {
            instance: None,
            ..channel("driver", ChannelKind::Unknown, 0, 0)
        },
    ]
}

/// The packets of a scenario, by its name.
pub fn scenario(name: &str) -> Vec<Made> {
    let mut maker = Maker::default();
    match name {
        "kinds" => kinds(&mut maker),
        "sizes" => sizes(&mut maker),
        "threads" => threads(&mut maker),
        "ioctls" => ioctls(&mut maker),
        "lives" => lives(&mut maker),
        "refusals" => refusals(&mut maker),
        _ => {}
    }
    maker.made
}

/// Formats the parts of a packet that a capture must preserve.
pub fn line(packet: &Packet<'_>) -> String {
    let header = RecordHeader {
        cpu: 0,
        ..*packet.header
    };
    let mut line = format!("{header:?} ");
    // The duration of an ioctl may differ between runs.
    let skipped = match header.kind {
        RecordKind::Ioctl => 8,
        _ => 0,
    };
    for byte in packet.payload.iter().skip(skipped) {
        // Writing to a string does not fail.
        let _ = write!(line, "{byte:02x}");
    }
    line
}

/// Every kind of packet once or more, in plausible order.
fn kinds(maker: &mut Maker) {
    let (app, other) = (maker.task(b"app"), maker.task(b"odd \x1b[31m\xff name"));
    for round in 0..20 {
        let first = maker.request(app, 0, 40);
        let second = maker.request(other, 1, 64 + round);
        maker.completion(&second, 16);
        maker.host_message(48);
        maker.completion(&first, 24);
        maker.asynchronous(app, 100);
        // Accepted at the fourth attempt.
        maker.request(app, 2, 72);
        maker.last().header.refused_attempts = 3;
        // Given up; the thread goes on with something else.
        maker.request(other, 1, 80);
        maker.refused(EAGAIN, 1 + round as u32);
        maker.asynchronous(other, 24);
        maker.last().header.refused_attempts = 1;
        // The channel has been revoked.
        maker.request(app, 2, 72);
        maker.refused(ENODEV, 2);
        // Several in a row: one batch.
        for _ in 0..5 {
            maker.host_message(24);
        }
    }
}

/// Lengths around every size class, the longest, and none.
fn sizes(maker: &mut Maker) {
    let app = maker.task(b"sizes");
    let mut lengths = vec![0, 1, 7, 8, 9, 126_992, 131_072 - 16];
    for shift in 7..=17 {
        lengths.extend([(1 << shift) - 1, 1 << shift, (1 << shift) + 1]);
    }
    lengths.push(131_072 + 16);
    for length in lengths {
        let request = maker.request(app, 1, length);
        maker.completion(&request, length & !7);
    }
}

/// Eight threads on three channels, in random order.
fn threads(maker: &mut Maker) {
    let tasks: Vec<Task> = (0..8u8)
        .map(|index| maker.task(&[b't', b'0' + index]))
        .collect();
    let mut open = Vec::new();
    for _ in 0..3000 {
        match maker.random(3) {
            0 if !open.is_empty() => {
                let request = open.swap_remove(maker.random(open.len()));
                let length = maker.random(600) & !7;
                maker.completion(&request, length);
            }
            _ => {
                let task = tasks[maker.random(tasks.len())];
                let interface = maker.random(3);
                let length = maker.random(2000);
                open.push(maker.request(task, interface, length));
                maker.last().header.refused_attempts = u32::from(maker.random(20) == 0);
            }
        }
    }
}

/// Calls of applications: with one message and with several, answered in time,
/// too short, and never, refused by the ring, and ones that send nothing.
fn ioctls(maker: &mut Maker) {
    let (app, other) = (maker.task(b"app"), maker.task(b"other"));
    for round in 0..20 {
        let first = maker.asked(app, 1, 64, (CREATE, 24));
        let second = maker.asked(other, 2, 40, (ESCAPE, 100));
        maker.completion(&second, 104);
        maker.completion(&first, 24);
        let third = maker.asked(app, 1, 96, (CREATE, 8));
        maker.last().header.refused_attempts = round % 3;
        maker.ended(other, ESCAPE, 0, 1, Some(0));
        maker.completion(&third, 8);
        maker.ended(app, CREATE, 0, 2, Some(0));
        // The driver refuses the call itself.
        maker.ended(app, CREATE, -22, 0, None);
        // A message that needs no reply.
        maker.asynchronous(other, 200);
        maker.within(CREATE);
        maker.ended(other, CREATE, 0, 1, None);
        // Too short; then the driver cleans up.
        let short = maker.asked(app, 1, 64, (ESCAPE, 32));
        maker.completion(&short, 16);
        let clean = maker.asked(app, 1, 48, (ESCAPE, 4));
        maker.completion(&clean, 8);
        maker.ended(app, ESCAPE, EOVERFLOW, 2, Some(EOVERFLOW));
        // The ring stays full.
        maker.asked(other, 2, 72, (ESCAPE, 16));
        maker.refused(EAGAIN, 4);
        maker.ended(other, ESCAPE, EAGAIN, 0, Some(EAGAIN));
        // Killed while it waits; the answer comes late.
        let late = maker.asked(app, 0, 56, (CREATE, 16));
        maker.ended(app, CREATE, ERESTARTSYS, 1, Some(ERESTARTSYS));
        maker.completion(&late, 16);
        // The driver's own message, outside of any call.
        let start = maker.request(other, 0, 40);
        maker.completion(&start, 8);
    }
}

/// Channels come and go between packets, and one cannot be opened.
fn lives(maker: &mut Maker) {
    let (worker, app) = (maker.task(b"kworker/0:1"), maker.task(b"app"));
    for round in 0..10 {
        for interface in 0..3 {
            maker.life(worker, interface, ChannelEvent::Offer, 0);
            maker.life(worker, interface, ChannelEvent::Open, 0);
        }
        let asked = maker.asked(app, 1, 64, (CREATE, 24));
        maker.completion(&asked, 24);
        maker.ended(app, CREATE, 0, 1, Some(0));
        maker.asked(app, 1, 48, (ESCAPE, 16));
        // It waits while its channel goes.
        maker.life(worker, 1, ChannelEvent::Rescind, 0);
        maker.ended(app, ESCAPE, ERESTARTSYS, 1, Some(ERESTARTSYS));
        maker.life(worker, 1, ChannelEvent::Close, 0);
        maker.life(worker, 1, ChannelEvent::Offer, 0);
        maker.life(worker, 1, ChannelEvent::Open, -12 - round);
        maker.life(worker, 1, ChannelEvent::Rescind, 0);
        for interface in [2, 0] {
            maker.life(worker, interface, ChannelEvent::Close, 0);
        }
    }
}

/// Ioctls of one message each, which the ring takes at the third attempt.
fn refusals(maker: &mut Maker) {
    let app = maker.task(b"app");
    for _ in 0..1500 {
        let asked = maker.asked(app, 1, 1000, (ESCAPE, 1000));
        if let Some(sent) = maker.made.last_mut() {
            sent.header.refused_attempts = 2;
        }
        maker.completion(&asked, 1000);
        maker.ended(app, ESCAPE, 0, 1, Some(0));
    }
}

#[derive(Debug, Clone, Copy)]
struct Task {
    id: u32,
    comm: [u8; 16],
}

#[derive(Default)]
struct Maker {
    made: Vec<Made>,
    tasks: u32,
    transactions: [u64; 3],
    state: u64,
}

impl Maker {
    fn task(&mut self, name: &[u8]) -> Task {
        self.tasks += 1;
        let mut comm = [0; 16];
        for (to, from) in comm.iter_mut().zip(name.iter().take(15)) {
            *to = *from;
        }
        Task {
            id: 4000 + self.tasks,
            comm,
        }
    }

    fn request(&mut self, task: Task, interface: usize, length: usize) -> Made {
        self.transactions[interface] += 1;
        let transaction = self.transactions[interface];
        self.send(task, interface, length, transaction)
    }

    /// Adds a request within an ioctl that expects a reply of this length.
    fn asked(
        &mut self,
        task: Task,
        interface: usize,
        length: usize,
        (ioctl, expected): (u32, u32),
    ) -> Made {
        self.request(task, interface, length);
        self.within(ioctl);
        let header = &mut self.last().header;
        header.known.0 |= KnownFields::EXPECTED_REPLY;
        header.expected_reply_length = expected;
        self.last().clone()
    }

    /// Makes the last packet one of an ioctl.
    fn within(&mut self, ioctl: u32) {
        let header = &mut self.last().header;
        header.known.0 |= KnownFields::IOCTL;
        header.ioctl = ioctl;
    }

    /// The end of an ioctl.
    fn ended(&mut self, task: Task, ioctl: u32, result: i32, messages: u64, sync: Option<i32>) {
        let end = IoctlEnd {
            duration: 0,
            messages,
        };
        let sent = if sync.is_some() {
            KnownFields::RETURN_VALUE
        } else {
            0
        };
        self.made.push(Made {
            header: RecordHeader {
                kind: RecordKind::Ioctl,
                direction: Direction::HostToGuest,
                known: KnownFields(
                    KnownFields::TASK | KnownFields::IOCTL | KnownFields::IOCTL_RESULT | sent,
                ),
                pid: task.id,
                tid: task.id,
                comm: task.comm,
                return_value: sync.unwrap_or(0),
                ioctl,
                ioctl_result: result,
                payload_length: IoctlEnd::LENGTH as u32,
                ..RecordHeader::EMPTY
            },
            payload: end.encode().to_vec(),
            interface: DRIVER,
        });
    }

    /// What happens to a channel.
    fn life(&mut self, task: Task, interface: usize, event: ChannelEvent, value: i32) {
        let (direction, known) = match event {
            ChannelEvent::Offer | ChannelEvent::Rescind => (Direction::HostToGuest, 0),
            ChannelEvent::Open => (Direction::GuestToHost, KnownFields::RETURN_VALUE),
            ChannelEvent::Close => (Direction::GuestToHost, 0),
        };
        let channel = &channels()[interface];
        self.made.push(Made {
            header: RecordHeader {
                kind: RecordKind::Channel,
                direction,
                known: KnownFields(KnownFields::TASK | known),
                channel: channel.relid,
                channel_kind: channel.kind,
                pid: task.id,
                tid: task.id,
                comm: task.comm,
                return_value: value,
                payload_length: ChannelEvent::LENGTH as u32,
                ..RecordHeader::EMPTY
            },
            payload: event.encode().to_vec(),
            interface: interface as u32,
        });
    }

    fn asynchronous(&mut self, task: Task, length: usize) {
        self.send(task, 0, length, 0);
        self.last().header.packet_flags = 0;
    }

    fn send(&mut self, task: Task, interface: usize, length: usize, transaction: u64) -> Made {
        let header = RecordHeader {
            known: KnownFields(
                KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH,
            ),
            packet_flags: 1,
            pid: task.id,
            tid: task.id,
            comm: task.comm,
            transaction,
            ..plain(Direction::GuestToHost, PACKET_INBAND)
        };
        self.push(header, interface, length)
    }

    fn completion(&mut self, request: &Made, length: usize) {
        let transaction = request.header.transaction;
        let header = RecordHeader {
            transaction,
            ..plain(Direction::HostToGuest, PACKET_COMPLETION)
        };
        self.push(header, request.interface as usize, length);
    }

    fn host_message(&mut self, length: usize) {
        self.push(plain(Direction::HostToGuest, PACKET_INBAND), 0, length);
    }

    /// Makes the last packet a send that failed for good.
    fn refused(&mut self, value: i32, attempts: u32) {
        let header = &mut self.last().header;
        header.kind = RecordKind::Refused;
        header.return_value = value;
        header.refused_attempts = attempts;
    }

    fn push(&mut self, header: RecordHeader, interface: usize, length: usize) -> Made {
        let payload: Vec<u8> = (0..length).map(|_| self.random(256) as u8).collect();
        let channel = &channels()[interface];
        let made = Made {
            header: RecordHeader {
                channel: channel.relid,
                channel_kind: channel.kind,
                payload_length: length as u32,
                ..header
            },
            payload,
            interface: interface as u32,
        };
        self.made.push(made.clone());
        made
    }

    fn last(&mut self) -> &mut Made {
        let last = self.made.len() - 1;
        &mut self.made[last]
    }

    /// A number below `limit`, by a linear congruential generator.
    fn random(&mut self, limit: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.state >> 33) as usize % limit
    }
}

fn plain(direction: Direction, packet_type: u16) -> RecordHeader {
    RecordHeader {
        direction,
        packet_type,
        ..RecordHeader::EMPTY
    }
}
