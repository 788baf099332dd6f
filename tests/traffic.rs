//! Packets made by rule, the same in every process that asks.

use std::fmt::Write;

use dxgtrace::{
    capture::header::{ChannelKind, Direction, Header, Kind, Known},
    packet::{Channel, Packet},
};

const EAGAIN: i32 = -11;
const ENODEV: i32 = -19;
const IN_BAND: u16 = 6;
const COMPLETION: u16 = 11;

/// A packet that owns its payload.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its header.
    pub header: Header,
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
            header: self.header,
            payload: &self.payload,
        }
    }
}

/// The channels of all scenarios: the global one and two virtual GPUs.
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
    ]
}

/// The packets of a scenario, by its name.
pub fn scenario(name: &str) -> Vec<Made> {
    let mut maker = Maker::default();
    match name {
        "kinds" => kinds(&mut maker),
        "sizes" => sizes(&mut maker),
        "threads" => threads(&mut maker),
        _ => {}
    }
    maker.made
}

/// Everything about a packet that must survive, as a line.
pub fn line(packet: &Packet<'_>) -> String {
    let header = Header {
        cpu: 0,
        ..packet.header
    };
    let mut line = format!("{header:?} ");
    for byte in packet.payload {
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
        maker.refused(EAGAIN, round as u32);
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

    fn asynchronous(&mut self, task: Task, length: usize) {
        self.send(task, 0, length, 0);
        self.last().header.packet_flags = 0;
    }

    fn send(&mut self, task: Task, interface: usize, length: usize, transaction: u64) -> Made {
        let header = Header {
            known: Known(Known::TASK | Known::RETURN_VALUE | Known::EXACT_LENGTH),
            packet_flags: 1,
            pid: task.id,
            tid: task.id,
            comm: task.comm,
            transaction,
            ..plain(Direction::GuestToHost, IN_BAND)
        };
        self.push(header, interface, length)
    }

    fn completion(&mut self, request: &Made, length: usize) {
        let transaction = request.header.transaction;
        let header = Header {
            transaction,
            ..plain(Direction::HostToGuest, COMPLETION)
        };
        self.push(header, request.interface as usize, length);
    }

    fn host_message(&mut self, length: usize) {
        self.push(plain(Direction::HostToGuest, IN_BAND), 0, length);
    }

    /// Makes the last packet a send that failed for good.
    fn refused(&mut self, value: i32, attempts_before: u32) {
        let header = &mut self.last().header;
        header.kind = Kind::Refused;
        header.return_value = value;
        header.refused_attempts = attempts_before;
    }

    fn push(&mut self, header: Header, interface: usize, length: usize) -> Made {
        let payload: Vec<u8> = (0..length).map(|_| self.random(256) as u8).collect();
        let channel = &channels()[interface];
        let made = Made {
            header: Header {
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

fn plain(direction: Direction, packet_type: u16) -> Header {
    Header {
        kind: Kind::Packet,
        direction,
        channel_kind: ChannelKind::Unknown,
        packet_type,
        packet_flags: 0,
        known: Known(0),
        channel: 0,
        transaction: 0,
        pid: 0,
        tid: 0,
        comm: [0; 16],
        return_value: 0,
        refused_attempts: 0,
        expected_reply_length: 0,
        interface_version: 0,
        ioctl: 0,
        ioctl_result: 0,
        cpu: 0,
        payload_length: 0,
    }
}
