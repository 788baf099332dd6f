//! What the packets of a capture mean together: which reply belongs to which
//! request, and what is still waited for.

mod pairing;

pub use pairing::{Answer, Pairing, Waiting};

use crate::capture::header::{Direction, Kind};
use crate::check::{self, Code, Finding};
use crate::decode::{Decoded, Part};
use crate::packet::Packet;
use crate::protocol::framing::PACKET_COMPLETION;

/// Follows a capture from its first packet on.
#[derive(Debug, Default)]
pub struct Session {
    pairing: Pairing,
}

/// What is known of a packet once its place in the capture is.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The message in it, if there is one.
    pub decoded: Option<Decoded<'a>>,
    /// Of a reply: the request that it answers.
    pub request: Option<Waiting>,
}

impl Seen<'_> {
    /// Time from the request to this reply in nanoseconds.
    pub fn latency(&self, packet: &Packet<'_>) -> Option<u64> {
        self.request
            .map(|request| packet.time.saturating_sub(request.time))
    }
}

impl Session {
    /// A session that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next packet of the capture.
    pub fn see<'a>(&mut self, packet: &Packet<'a>, found: &mut impl FnMut(Finding)) -> Seen<'a> {
        let answer = self.answer(packet, found);
        let pending = answer.as_ref().map(|request| &request.pending);
        let decoded = check::packet(packet, pending, found);
        match packet.header.kind {
            Kind::Packet => {
                if let Some(decoded) = &decoded
                    && decoded.part == Part::Request
                    && let Some(lost) = self.pairing.ask(packet, decoded)
                {
                    found(Finding::new(
                        Code::TransactionReused,
                        lost.name(),
                        packet.header.transaction,
                        lost.number,
                    ));
                }
            }
            Kind::Refused => found(Finding::new(
                Code::SendRefused,
                decoded.as_ref().map_or("message", Decoded::name),
                u64::from(packet.header.return_value.unsigned_abs()),
                u64::from(packet.header.refused_attempts),
            )),
            Kind::Lost => self.pairing.gap(),
        }
        Seen {
            decoded,
            request: answer,
        }
    }

    /// The requests that no reply has come for, oldest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.pairing.waiting()
    }

    fn answer(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(Finding)) -> Option<Waiting> {
        let header = &packet.header;
        if header.kind != Kind::Packet
            || header.packet_type != PACKET_COMPLETION
            || header.direction != Direction::HostToGuest
        {
            return None;
        }
        let id = header.transaction;
        let (code, number) = match self.pairing.answer(packet) {
            Answer::To(request) => return Some(request),
            Answer::Unwanted => (Code::ReplyUnwanted, 0),
            Answer::Again(number) => (Code::ReplyDuplicate, number),
            Answer::BeforeCapture => (Code::ReplyBeforeCapture, 0),
            Answer::InGap => (Code::ReplyInGap, 0),
            Answer::Orphan => (Code::ReplyOrphan, 0),
        };
        found(Finding::new(code, "reply", id, number));
        None
    }
}
