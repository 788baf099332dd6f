//! Valid packets of any message, made by walking the description.
//!
//! Nothing here names a message: what the table says is what comes out, the
//! same for the same seed. [`request`], [`reply`] and [`event`] make single
//! packets, [`exchange`] a request with its reply, [`capture`] one of
//! everything.

mod body;
mod dice;
mod values;

use dxgtrace_protocol::decode::{self, MessagePart, Payload};
use dxgtrace_protocol::encode::{self, EncodedMessage, MessageBuilder};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{
    ChannelKind, Direction, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_protocol::schema::{Field, HeaderProcess, Message, MessageSet, ReplyMode};
use dxgtrace_protocol::table::framing::{
    EXTENDED_HEADER, FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION, PACKET_INBAND, VERSION_EXTENDED,
    VERSION_OLD,
};

pub use body::{Body, ChosenField, ChosenMember, TailContent};
pub use dice::Dice;

use body::Recipe;

/// Which of the two formats a packet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Interface versions below 40.
    Old,
    /// Interface version 40: an extended header before every request.
    Extended,
}

impl Framing {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Old, Self::Extended];

    /// The interface version.
    pub fn version(self) -> u32 {
        match self {
            Self::Old => VERSION_OLD,
            Self::Extended => VERSION_EXTENDED,
        }
    }

    /// Bytes before the command header of a request.
    pub fn base(self) -> usize {
        match self {
            Self::Old => 0,
            Self::Extended => usize::from(EXTENDED_HEADER),
        }
    }
}

/// How large the counts of a message are, within what its rules allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// As close to this as possible.
    Near(u64),
    /// A few, another number for each count.
    Few,
    /// As many as the rules and the largest message allow.
    Most,
}

impl Counts {
    /// Every strategy that a test over the table should try.
    pub const ALL: [Self; 5] = [
        Self::Near(0),
        Self::Near(1),
        Self::Near(2),
        Self::Few,
        Self::Most,
    ];

    fn choose(self, low: u64, high: u64, dice: &mut Dice) -> u64 {
        match self {
            Self::Near(count) => count.clamp(low, high),
            Self::Few => dice.between(low, high.min(low + 17)),
            Self::Most => high,
        }
    }
}

/// How a packet is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// In which format.
    pub framing: Framing,
    /// Of which interface version.
    pub version: u32,
    /// How large its counts are.
    pub counts: Counts,
    /// Whether the host has switched async mode on: everything travels on the
    /// global channel, and four messages want no reply.
    pub async_mode: bool,
    /// What the values are drawn from.
    pub seed: u64,
}

impl Plan {
    /// A plan with a few of everything, without async mode.
    pub fn new(framing: Framing, seed: u64) -> Self {
        Self {
            framing,
            version: framing.version(),
            counts: Counts::Few,
            async_mode: false,
            seed,
        }
    }

    /// The same with other counts.
    pub fn counts(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }

    /// The same of another interface version.
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The same in async mode.
    pub fn in_async_mode(mut self) -> Self {
        self.async_mode = true;
        self
    }

    fn dice(&self, message: &Message, part: &str) -> Dice {
        let seed = Dice::named(self.seed, message.name).roll() ^ u64::from(self.framing.version());
        Dice::named(seed, part)
    }
}

/// A packet that owns its bytes.
#[derive(Debug, Clone)]
pub struct Made {
    /// What it carries.
    pub message: &'static Message,
    /// Position in its capture.
    pub number: u64,
    /// Time in nanoseconds.
    pub time: u64,
    /// Number of its channel in the capture.
    pub interface: u32,
    /// What a recorder would know of it.
    pub header: RecordHeader,
    /// All of its bytes.
    pub payload: Vec<u8>,
    /// How the body was made, if the layout is known.
    pub body: Option<Body>,
}

impl Made {
    /// The packet as consumers see it.
    pub fn packet(&self) -> Packet<'_> {
        Packet {
            number: self.number,
            time: self.time,
            interface: self.interface,
            header: &self.header,
            payload: &self.payload,
        }
    }

    /// The same with other bytes, all of which travelled.
    pub fn with_payload(&self, payload: Vec<u8>) -> Self {
        let mut changed = self.clone();
        changed.header.payload_length = payload.len() as u32;
        changed.payload = payload;
        changed
    }

    /// Offset in the payload of the byte at `at` of the body's layout.
    pub fn base(&self) -> usize {
        match (self.header.direction, self.header.interface_version) {
            (Direction::GuestToHost, VERSION_EXTENDED..) => usize::from(EXTENDED_HEADER),
            _ => 0,
        }
    }
}

/// A message of the guest.
pub fn request(message: &'static Message, plan: Plan) -> Made {
    let mut dice = plan.dice(message, "request");
    let is_async = plan.async_mode && message.mode == ReplyMode::Async;
    let (body, encoded) = command(message, plan, MessagePart::Request, is_async, &mut dice);
    let on_global = message.set == MessageSet::Global || plan.async_mode;
    let channel = if on_global {
        ChannelKind::Global
    } else {
        ChannelKind::Vgpu
    };
    let direction = Direction::GuestToHost;
    let mut made = made(message, plan, direction, channel, encoded.payload);
    made.body = body;
    made.header.known =
        KnownFields(KnownFields::TASK | KnownFields::RETURN_VALUE | KnownFields::EXACT_LENGTH);
    if !is_async {
        made.header.packet_flags = FLAG_COMPLETION_REQUESTED;
        made.header.transaction = 1;
    }
    made
}

/// A message of the host.
pub fn event(message: &'static Message, plan: Plan) -> Made {
    let mut dice = plan.dice(message, "event");
    let (body, encoded) = command(message, plan, MessagePart::Event, false, &mut dice);
    let mut made = made(
        message,
        plan,
        Direction::HostToGuest,
        ChannelKind::Global,
        encoded.on_ring(),
    );
    made.body = body;
    made
}

/// The answer to a request that [`request`] made. Messages without a known
/// reply are answered with any bytes.
pub fn reply(request: &Made, plan: Plan) -> Made {
    let message = request.message;
    let mut dice = plan.dice(message, "reply");
    let mut body = message
        .reply_at(plan.version)
        .filter(|layout| layout.is_read)
        .map(|layout| {
            let recipe = Recipe {
                message,
                request: request.body.as_ref(),
                counts: plan.counts,
            };
            Body::choose(layout, &recipe, &mut dice)
        });
    let bytes = match &mut body {
        Some(body) => {
            let request = Payload::whole(&request.payload).with_version(plan.version);
            let request = built(decode::of_message(message, MessagePart::Request, request));
            let encoded = built(body.give_to(encode::reply_to(&request)).build());
            body.encoded(&encoded, 0);
            encoded.on_ring()
        }
        None => {
            let length = dice.between(0, 2) as usize * 8;
            dice.bytes(length)
        }
    };
    let channel = request.header.channel_kind;
    let mut made = made(message, plan, Direction::HostToGuest, channel, bytes);
    made.header.packet_type = PACKET_COMPLETION;
    made.header.transaction = request.header.transaction;
    made.header.known = KnownFields(KnownFields::TASK | KnownFields::REQUESTER);
    if !message.replies.is_empty() {
        made.header.known.0 |= KnownFields::EXPECTED_REPLY;
        made.header.expected_reply_length = body.as_ref().map_or(0, |body| body.expected as u32);
    }
    made.body = body;
    made
}

/// A request with its reply.
pub fn exchange(message: &'static Message, framing: Framing, seed: u64) -> (Made, Made) {
    let plan = Plan::new(framing, seed);
    let request = request(message, plan);
    let reply = reply(&request, plan);
    (request, reply)
}

/// Everything that a message can be in a format: a request with its reply, in
/// async mode also one without, or a host message.
pub fn conversation(message: &'static Message, plan: Plan) -> Vec<Made> {
    if message.set == MessageSet::Host {
        return vec![event(message, plan)];
    }
    let request_made = request(message, plan);
    let mut packets = vec![request_made.clone(), reply(&request_made, plan)];
    if message.mode == ReplyMode::Async {
        packets.push(request(message, plan.in_async_mode()));
    }
    packets
}

/// Every message in both formats with every strategy of counts but the
/// largest, as the packets of one capture: numbered, in order of time, with
/// transaction ids that occur only once.
pub fn capture(seed: u64) -> Vec<Made> {
    let mut packets: Vec<Made> = Vec::new();
    let mut transaction = 0;
    for framing in Framing::ALL {
        for message in dxgtrace_protocol::table::all() {
            for counts in Counts::ALL {
                if counts == Counts::Most {
                    continue;
                }
                transaction += 1;
                for mut made in conversation(message, Plan::new(framing, seed).counts(counts)) {
                    if made.header.transaction != 0 {
                        made.header.transaction = transaction;
                    }
                    made.number = packets.len() as u64 + 1;
                    made.time = START + 1000 * made.number;
                    packets.push(made);
                }
            }
        }
    }
    packets
}

/// When generated captures begin.
const START: u64 = 1_700_000_000_000_000_000;

/// A request or a message of the host.
fn command(
    message: &'static Message,
    plan: Plan,
    part: MessagePart,
    is_async: bool,
    dice: &mut Dice,
) -> (Option<Body>, EncodedMessage) {
    let mut builder = MessageBuilder::new(message, part, plan.version);
    let mut body = message.request_at(plan.version).map(|layout| {
        let recipe = Recipe {
            message,
            request: None,
            counts: plan.counts,
        };
        Body::choose(layout, &recipe, dice)
    });
    builder = match &body {
        Some(body) => body.give_to(builder),
        None => {
            let length = dice.between(0, 64) as usize;
            builder.trailing(&dice.bytes(length))
        }
    };
    if !matches!(
        message.header_process,
        HeaderProcess::Nobody | HeaderProcess::Unknown
    ) {
        builder = builder.process((dice.between(1, 1 << 24) << 6) as u32);
    }
    if message.set == MessageSet::Vgpu && plan.framing == Framing::Extended {
        let luid = Dice::named(plan.seed, "vgpu_luid").roll() | dice.between(0, 1);
        builder = builder.vgpu_luid(luid);
    }
    if is_async {
        builder = builder.asynchronous();
    }
    let encoded = built(builder.build());
    if let Some(body) = &mut body {
        let base = match part {
            MessagePart::Request => plan.framing.base(),
            MessagePart::Event | MessagePart::Reply => 0,
        };
        body.encoded(&encoded, base);
    }
    (body, encoded)
}

/// What was built. That chosen values cannot be encoded is a mistake that stops
/// the test.
#[expect(clippy::panic, reason = "a test fails by panicking")]
fn built<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(built) => built,
        Err(error) => panic!("generated values: {error}"),
    }
}

/// Reads a field of the structure that begins at `base`.
pub fn get(bytes: &[u8], base: usize, field: &Field) -> u64 {
    decode::read_slice(&bytes[base..], &field.slice).unwrap_or(0)
}

/// Writes a field of the structure that begins at `base`.
pub fn put(bytes: &mut [u8], base: usize, field: &Field, value: u64) {
    let written = encode::write_field(&mut bytes[base..], field, value);
    debug_assert!(written.is_some(), "{} is outside of the bytes", field.name);
}

fn made(
    message: &'static Message,
    plan: Plan,
    direction: Direction,
    channel_kind: ChannelKind,
    payload: Vec<u8>,
) -> Made {
    let interface = match channel_kind {
        ChannelKind::Vgpu => 1,
        _ => 0,
    };
    let mut comm = [0; 16];
    comm[..8].copy_from_slice(b"generate");
    Made {
        message,
        number: 1,
        time: START,
        interface,
        header: RecordHeader {
            kind: RecordKind::Packet,
            direction,
            channel_kind,
            packet_type: PACKET_INBAND,
            packet_flags: 0,
            known: KnownFields(0),
            channel: 14 + interface,
            transaction: 0,
            pid: 1000,
            tid: 1001,
            comm,
            return_value: 0,
            refused_attempts: 0,
            expected_reply_length: 0,
            interface_version: plan.version,
            ioctl: 0,
            ioctl_result: 0,
            cpu: 0,
            payload_length: payload.len() as u32,
        },
        payload,
        body: None,
    }
}
