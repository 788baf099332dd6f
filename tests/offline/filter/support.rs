//! Records to ask filters about.

use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest};
use dxgtrace_protocol::encode;
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::schema::{Message, MessageSet};
use dxgtrace_protocol::table;
use dxgtrace_query::filter::{Exchange, Filter, FilterRecord};
use dxgtrace_session::check::Finding;
use dxgtrace_tests::generate::{self, Framing, Made};

/// The message of that name.
pub fn message(name: &str) -> &'static Message {
    table::by_name(name).unwrap_or_else(|| panic!("{name} is a message"))
}

/// A request and its reply at interface version 40, or an event twice.
pub fn exchange(name: &str) -> (Made, Made) {
    let message = message(name);
    if message.set == MessageSet::Host {
        let event = generate::event(message, generate::Plan::new(Framing::Extended, 1));
        return (event.clone(), event);
    }
    generate::exchange(message, Framing::Extended, 1)
}

/// The request with another value in a field.
pub fn changed(request: &Made, field: &str, value: i32) -> Made {
    let packet = request.packet();
    let decoded = decode::request(Payload::of_packet(&packet)).expect("a request");
    let message = encode::copy_of(&decoded).set(field, value).build();
    request.with_payload(message.expect("a request of the table").payload)
}

/// Decodes a packet; `request` is the one that it answers.
pub fn decoded<'a>(packet: &Packet<'a>, request: Option<&Packet<'_>>) -> Option<Decoded<'a>> {
    let payload = Payload::of_packet(packet);
    match (packet.header.packet_type, packet.header.direction) {
        (11, _) => {
            let request = decode::request(Payload::of_packet(request?)).ok()?;
            Some(decode::reply(payload, &PendingRequest::new(&request)))
        }
        (_, dxgtrace_protocol::record::header::Direction::GuestToHost) => {
            decode::request(payload).ok()
        }
        _ => decode::event(payload).ok(),
    }
}

/// Asks about a packet with everything that there is to know of it.
pub struct Case<'a> {
    pub packet: Packet<'a>,
    pub decoded: Option<Decoded<'a>>,
    pub findings: Vec<Finding>,
    pub exchange: Exchange,
    pub channels: Vec<Channel>,
}

impl<'a> Case<'a> {
    pub fn new(made: &'a Made, request: Option<&Made>) -> Self {
        let packet = made.packet();
        let asked = request.map(Made::packet);
        let decoded = decoded(&packet, asked.as_ref());
        Self {
            packet,
            decoded,
            findings: Vec::new(),
            exchange: Exchange::default(),
            channels: Vec::new(),
        }
    }

    pub fn record(&self) -> FilterRecord<'_> {
        FilterRecord::new(&self.packet)
            .with_decoded(self.decoded.as_ref())
            .with_findings(&self.findings)
            .with_exchange(self.exchange)
            .in_capture(&self.channels, self.packet.time - 1_500_000_000)
    }

    pub fn part(&self) -> Option<MessagePart> {
        self.decoded.as_ref().map(|decoded| decoded.part)
    }

    /// Whether the packet passes.
    #[track_caller]
    pub fn passes(&self, filter: &str) -> bool {
        parse(filter).matches(&self.record())
    }

    #[track_caller]
    pub fn yes(&self, filter: &str) {
        assert!(self.passes(filter), "{filter}");
    }

    #[track_caller]
    pub fn no(&self, filter: &str) {
        assert!(!self.passes(filter), "{filter}");
    }
}

/// Parses a filter that must be right.
#[track_caller]
pub fn parse(filter: &str) -> Filter {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{error}\n{}", error.caret()))
}

/// Parses a filter that must be wrong, and shows what a user would see.
#[track_caller]
pub fn refused(filter: &str) -> String {
    match Filter::parse(filter) {
        Ok(filter) => panic!("{filter} is taken"),
        Err(error) => format!("error: {error}\n{}", error.caret()),
    }
}

/// Every generated packet, with the request that it answers.
pub fn every_case(packets: &[Made]) -> impl Iterator<Item = Case<'_>> {
    packets.iter().enumerate().map(move |(index, made)| {
        let request = packets.get(..index).and_then(<[_]>::last);
        Case::new(made, request)
    })
}
