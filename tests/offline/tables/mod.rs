//! Every message of the table, by walking the table: no message is named here.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod cuts;
mod flips;
mod headers;
mod round_trip;
mod short_replies;
mod sizes;
mod table;
mod valid;

use dxgtrace_protocol::decode::{self, Decoded, Payload, PendingRequest};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{Message, MessageSet, ReplyMode, TailLength};
use dxgtrace_session::check::{self, Code, Finding};
use dxgtrace_tests::generate::{self, Counts, Framing, Made, Plan};

/// What is found in a packet, but for the note that only names are known of
/// its message.
fn findings(packet: &Packet<'_>, pending: Option<&PendingRequest>) -> Vec<Finding> {
    let mut found = Vec::new();
    check::decode_and_check(packet, pending, &mut None, &mut |one| found.push(one));
    found.retain(|one| one.code() != Code::CommandUnsent);
    found
}

/// What is found in a packet that was made.
fn found_in(made: &Made) -> Vec<Finding> {
    findings(&made.packet(), None)
}

/// The codes of findings, as words.
fn words(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|one| one.code().word()).collect()
}

/// A made request or host message, located.
fn decoded(made: &Made) -> Decoded<'_> {
    let payload = Payload::of_packet(&made.packet());
    match made.message.set {
        MessageSet::Host => decode::event(payload),
        MessageSet::Vgpu | MessageSet::Global => decode::request(payload),
    }
    .expect("a generated packet has its headers")
}

/// Every request and host message, in both formats, made from `seeds`.
fn commands(seeds: u64, counts: &[Counts]) -> Vec<Made> {
    let mut all = Vec::new();
    for message in dxgtrace_protocol::table::all() {
        for framing in Framing::ALL {
            for counts in counts {
                for seed in 0..seeds {
                    all.push(command(message, Plan::new(framing, seed).counts(*counts)));
                }
            }
        }
    }
    all
}

/// A request, or a host message.
fn command(message: &'static Message, plan: Plan) -> Made {
    match message.set {
        MessageSet::Host => generate::event(message, plan),
        MessageSet::Vgpu | MessageSet::Global => generate::request(message, plan),
    }
}

/// The optional tail of a message, of which only the message's length tells
/// whether it is there: where it begins and how many bytes it would take.
fn optional_tail(made: &Made) -> Option<(usize, usize)> {
    let body = made.body.as_ref()?;
    let tails = body.layout.tails.iter().zip(&body.tails);
    tails
        .into_iter()
        .find_map(|(tail, (at, _))| match tail.len {
            TailLength::FieldIfRoom(count) => {
                let size = body.get(count) as usize * usize::from(tail.element.size());
                Some((made.base() + at, size))
            }
            _ => None,
        })
}

/// Whether more is known of a message than its name.
fn is_sent(message: &Message) -> bool {
    message.mode != ReplyMode::NeverSent
}
