//! Bytes to messages: where each part lies, and what a field's bytes say.
//!
//! Decoding locates, it does not parse: [`request`], [`event`] and [`reply`]
//! prove where the fixed part and every tail lie, and a field is read when
//! somebody asks for it. Whatever the bytes, there is a result: a message that
//! is too short keeps what can be read and carries a [`Shortfall`].
//!
//! This is the only code that knows how bytes become a message, and it names
//! no message.

mod frame;
mod handles;
mod located;
mod pending;
mod regions;
pub mod summary;
mod tree;
mod value;

pub use frame::{Frame, NotAFrame};
pub use located::{
    LocatedBody, MAX_PAYLOAD, Payload, Shortfall, Spot, TailSpan, TailSpot, field_number, read,
};
pub use pending::PendingRequest;
pub use regions::{Region, RegionOwner};
pub use summary::summary;
pub use tree::{FieldNode, tree};
pub use value::{Value, escaped, is_unsafe, utf16};

use crate::schema::{Layout, MAX_FACTS, Message, MessageSet};
use crate::table;
use crate::table::framing;

/// What stands for the name of a message that has none.
pub const UNKNOWN: &str = "unknown";

/// Which part of a message a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessagePart {
    /// From the guest.
    Request,
    /// The host's answer to a request.
    Reply,
    /// From the host, on its own accord.
    Event,
}

impl MessagePart {
    /// The part's name in text, JSON and Wireshark.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Event => "event",
        }
    }
}

/// A message, located in its payload.
#[derive(Debug, Clone, Copy)]
pub struct Decoded<'a> {
    /// Which part of the message this is.
    pub part: MessagePart,
    /// The headers; a reply has none of its own.
    pub frame: Option<Frame>,
    /// The message, if its number is known.
    pub message: Option<&'static Message>,
    /// The body, if its layout is known.
    pub body: Option<LocatedBody<'a>>,
    /// The whole payload.
    pub payload: Payload<'a>,
    /// Offset of the body's own zero: of the command header, or of a reply.
    pub base: usize,
}

impl<'a> Decoded<'a> {
    /// Nothing of a part yet but its bytes.
    #[inline]
    fn begin(payload: Payload<'a>, part: MessagePart) -> Self {
        Self {
            part,
            frame: None,
            message: None,
            body: None,
            payload,
            base: 0,
        }
    }

    /// Whether this part comes from the guest.
    pub fn from_guest(&self) -> bool {
        self.part == MessagePart::Request
    }

    /// Locates the rest, in place. `pending` is the request of a reply.
    #[inline]
    fn locate(&mut self, pending: Option<&PendingRequest>) -> Result<(), NotAFrame> {
        let (layout, facts): (Option<&'static Layout>, _) = match (self.part, pending) {
            (MessagePart::Reply, Some(pending)) => {
                self.message = pending.message;
                let reply = |message: &'static Message| message.reply_at(pending.version);
                (self.message.and_then(reply), &pending.facts)
            }
            (MessagePart::Reply, None) => (None, &NO_FACTS),
            (MessagePart::Request | MessagePart::Event, _) => {
                let frame = Frame::read(self.payload.data, self.part == MessagePart::Event)?;
                self.base = frame.base();
                self.message = frame
                    .set()
                    .and_then(|set| table::lookup(set, frame.command));
                self.frame = Some(frame);
                let request = |message: &'static Message| message.request.as_ref();
                (self.message.and_then(request), &NO_FACTS)
            }
        };
        if let Some(layout) = layout {
            let body = LocatedBody::begin(layout, self.payload, self.base);
            self.body.insert(body).locate(facts);
        }
        Ok(())
    }

    /// The message's name, or what stands for one.
    pub fn name(&self) -> &'static str {
        self.message.map_or(UNKNOWN, |message| message.name)
    }

    /// The headers, laid out: of a reply only if it repeats the request's.
    pub fn headers(&self) -> impl Iterator<Item = LocatedBody<'a>> + use<'a> {
        let (extended, set) = match (&self.frame, &self.body) {
            (Some(frame), _) => (
                frame.extended.is_some(),
                Some(frame.set().unwrap_or(MessageSet::Vgpu)),
            ),
            (None, Some(body)) if body.layout.echo => {
                (false, self.message.map(|message| message.set))
            }
            _ => (false, None),
        };
        let (payload, base) = (self.payload, self.base);
        let lay = move |layout, base| LocatedBody::new(layout, payload, base, &NO_FACTS);
        let first = extended.then(|| lay(&framing::EXTENDED, 0));
        let second = set.map(|set| lay(framing::header(set), base));
        first.into_iter().chain(second)
    }

    /// The status in the packet, if its layout has one and it is there.
    pub fn status(&self) -> Option<u32> {
        let body = self.body.as_ref()?;
        let at = usize::from(body.layout.status?);
        body.number(at, 4).map(|value| value as u32)
    }
}

/// Facts of no request.
const NO_FACTS: [Option<u64>; MAX_FACTS] = [None; MAX_FACTS];

/// Locates a guest message.
pub fn request(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    let mut decoded = Decoded::begin(payload, MessagePart::Request);
    decoded.locate(None).map(|()| decoded)
}

/// Locates a host message.
pub fn event(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    let mut decoded = Decoded::begin(payload, MessagePart::Event);
    decoded.locate(None).map(|()| decoded)
}

/// Locates the answer to `pending`.
pub fn reply<'a>(payload: Payload<'a>, pending: &PendingRequest) -> Decoded<'a> {
    let mut decoded = Decoded::begin(payload, MessagePart::Reply);
    // A reply has no headers that could be wrong.
    let _ = decoded.locate(Some(pending));
    decoded
}

/// Locates a part of a message in `place`, which stays empty if there is none:
/// what is decoded is large, and slow to hand around when just written.
#[inline]
pub fn locate<'a>(
    payload: Payload<'a>,
    part: MessagePart,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
) -> Result<(), NotAFrame> {
    let located = place.insert(Decoded::begin(payload, part)).locate(pending);
    if located.is_err() {
        *place = None;
    }
    located
}

/// Lays a layout that belongs to no message over a payload, as the
/// pseudo-header's over its own bytes.
pub fn lay_out<'a>(layout: &'static Layout, payload: Payload<'a>) -> LocatedBody<'a> {
    LocatedBody::new(layout, payload, 0, &NO_FACTS)
}
