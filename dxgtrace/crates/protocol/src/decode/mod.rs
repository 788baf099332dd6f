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
mod message_field;
mod pending;
mod regions;
pub mod summary;
mod tree;
mod value;

pub use frame::{Frame, NotAFrame};
pub use located::{
    ArrayRef, FieldRef, LocatedBody, MAX_PAYLOAD, Payload, Shortfall, TailSpan, holds_in, read,
    read_slice,
};
pub use message_field::MessageField;
pub use pending::PendingRequest;
pub use regions::{Region, RegionOwner};
pub use summary::summary;
pub use tree::{FieldNode, tree};
pub use value::{Value, escaped, is_unsafe, utf16};

use crate::schema::{Layout, MAX_REQUEST_VALUES, Message, MessageSet};
use crate::table::{CATALOG, Catalog, framing};

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
    /// The interface version by which it was read.
    pub version: u32,
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
            version: 0,
        }
    }

    /// Whether this part comes from the guest.
    pub fn from_guest(&self) -> bool {
        self.part == MessagePart::Request
    }

    /// Locates the rest, in place. `pending` is the request of a reply.
    #[inline]
    fn locate(
        &mut self,
        lookup: impl FnOnce(MessageSet, u32) -> Option<&'static Message>,
        pending: Option<&PendingRequest>,
    ) -> Result<(), NotAFrame> {
        let length = self.payload.length;
        let (layout, request_values): (Option<&'static Layout>, _) = match (self.part, pending) {
            (MessagePart::Reply, Some(pending)) => {
                self.message = pending.message;
                self.version = pending.version;
                let reply = |message: &'static Message| {
                    message.replies.select(pending.version, length, false)
                };
                (self.message.and_then(reply), &pending.request_values)
            }
            (MessagePart::Reply, None) => (None, &NO_REQUEST_VALUES),
            (MessagePart::Request | MessagePart::Event, _) => {
                let frame = Frame::read(self.payload.data, self.part == MessagePart::Event)?;
                self.base = frame.base();
                self.message = frame.set().and_then(|set| lookup(set, frame.command));
                self.version = frame.version_told(self.payload.version);
                self.frame = Some(frame);
                let (version, exact) = (self.version, self.payload.exact);
                let length = length.saturating_sub(self.base);
                let request =
                    |message: &'static Message| message.requests.select(version, length, exact);
                (self.message.and_then(request), &NO_REQUEST_VALUES)
            }
        };
        if let Some(layout) = layout {
            let body = LocatedBody::begin(layout, self.payload, self.base);
            self.body.insert(body).locate(request_values);
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
        let lay = move |layout, base| LocatedBody::new(layout, payload, base, &NO_REQUEST_VALUES);
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

/// The values of no request.
const NO_REQUEST_VALUES: [Option<u64>; MAX_REQUEST_VALUES] = [None; MAX_REQUEST_VALUES];

/// Locates a guest message.
pub fn request(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    request_of(&CATALOG, payload)
}

/// Locates a guest message of a catalog.
pub fn request_of<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::begin(payload, MessagePart::Request);
    decoded
        .locate(|set, id| catalog.lookup(set, id), None)
        .map(|()| decoded)
}

/// Locates a host message.
pub fn event(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    event_of(&CATALOG, payload)
}

/// Locates a host message of a catalog.
pub fn event_of<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::begin(payload, MessagePart::Event);
    decoded
        .locate(|set, id| catalog.lookup(set, id), None)
        .map(|()| decoded)
}

/// Locates a request or host message that is known to be `message`, of any catalog.
///
/// # Errors
/// The bytes do not begin with headers.
pub fn of_message<'a>(
    message: &'static Message,
    part: MessagePart,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::begin(payload, part);
    decoded.locate(|_, _| Some(message), None).map(|()| decoded)
}

/// Locates the answer to `pending`.
pub fn reply<'a>(payload: Payload<'a>, pending: &PendingRequest) -> Decoded<'a> {
    let mut decoded = Decoded::begin(payload, MessagePart::Reply);
    // A reply has no headers that could be wrong.
    let _ = decoded.locate(|_, _| None, Some(pending));
    decoded
}

/// Locates a part of a message in `place`, which stays empty if there is none:
/// what is decoded is large, and slow to hand around when just written.
#[inline]
pub fn locate<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
    part: MessagePart,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
) -> Result<(), NotAFrame> {
    let located = place
        .insert(Decoded::begin(payload, part))
        .locate(|set, id| catalog.lookup(set, id), pending);
    if located.is_err() {
        *place = None;
    }
    located
}

/// Lays a layout that belongs to no message over a payload, as the
/// pseudo-header's over its own bytes.
pub fn lay_out<'a>(layout: &'static Layout, payload: Payload<'a>) -> LocatedBody<'a> {
    LocatedBody::new(layout, payload, 0, &NO_REQUEST_VALUES)
}
