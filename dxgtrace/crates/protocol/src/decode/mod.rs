//! Decodes messages: locates their parts and reads the values of fields.
//!
//! [`request`], [`event`] and [`reply`] locate the fixed part and every tail. Fields
//! are read on demand. A message that is too short is decoded as far as possible and
//! carries a [`Shortfall`]. A reply that is too short for the driver has no body: see
//! [`ShortReply`].
//!
//! No other code decodes messages, and this code names no message.

mod frame;
mod handles;
mod located;
mod message_field;
mod pending;
mod regions;
mod short_reply;
pub mod summary;
mod tree;
mod value;

pub use frame::{Frame, NotAFrame};
pub use located::{
    ArrayRef, FieldRef, LocatedBody, MAX_PAYLOAD, Payload, Shortfall, TailSpan, holds_in,
    read_number, read_slice,
};
pub use message_field::MessageField;
pub use pending::PendingRequest;
pub use regions::{Region, RegionOwner};
pub use short_reply::ShortReply;
pub use summary::summary;
pub use tree::{FieldNode, tree};
pub use value::{Value, escaped, is_unsafe, utf16};

use crate::schema::{Layout, MAX_REQUEST_VALUES, Message, MessageSet};
use crate::table::{CATALOG, Catalog, framing};

/// The name of a message that is not in the table.
pub const UNKNOWN: &str = "unknown";

/// The part of a message that a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessagePart {
    /// A request from the guest.
    Request,
    /// The reply of the host to a request.
    Reply,
    /// A message from the host that is not a reply.
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

/// A message with its parts located in the payload.
#[derive(Debug, Clone, Copy)]
pub struct Decoded<'a> {
    /// The part of the message.
    pub part: MessagePart,
    /// The headers. A reply has none.
    pub frame: Option<Frame>,
    /// The description of the message, if its number is known.
    pub message: Option<&'static Message>,
    /// The body, if its layout is known and the driver reads it.
    pub body: Option<LocatedBody<'a>>,
    /// What stands for the body of a reply that is too short.
    pub short_reply: Option<ShortReply>,
    /// The whole payload.
    pub payload: Payload<'a>,
    /// Offset in the payload from which the layout counts: of the command header, or 0 in
    /// a reply.
    pub base: usize,
    /// The interface version with which the message was decoded.
    pub version: u32,
}

impl<'a> Decoded<'a> {
    /// A message of which nothing is located yet.
    #[inline]
    fn unlocated(payload: Payload<'a>, part: MessagePart) -> Self {
        Self {
            part,
            frame: None,
            message: None,
            body: None,
            short_reply: None,
            payload,
            base: 0,
            version: 0,
        }
    }

    /// Whether the part comes from the guest.
    pub fn from_guest(&self) -> bool {
        self.part == MessagePart::Request
    }

    /// Locates headers and body in place. `pending` is the request of a reply.
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
                self.version = frame.version_given(self.payload.version);
                self.frame = Some(frame);
                let (version, exact) = (self.version, self.payload.exact);
                let length = length.saturating_sub(self.base);
                let request =
                    |message: &'static Message| message.requests.select(version, length, exact);
                (self.message.and_then(request), &NO_REQUEST_VALUES)
            }
        };
        if let (Some(layout), Some(pending)) = (layout, pending) {
            self.short_reply = ShortReply::of(layout, self.payload, pending);
        }
        if let Some(layout) = layout.filter(|_| self.short_reply.is_none()) {
            let body = LocatedBody::begin(layout, self.payload, self.base);
            self.body.insert(body).locate(request_values);
        }
        Ok(())
    }

    /// The name of the message, or [`UNKNOWN`].
    pub fn name(&self) -> &'static str {
        self.message.map_or(UNKNOWN, |message| message.name)
    }

    /// The located headers. A reply has headers only if it repeats the request.
    pub fn headers(&self) -> impl Iterator<Item = LocatedBody<'a>> + use<'a> {
        let (extended, set) = match (&self.frame, &self.body) {
            (Some(frame), _) => (
                frame.extended.is_some(),
                Some(frame.set().unwrap_or(MessageSet::Vgpu)),
            ),
            (None, Some(body)) if body.layout.is_echo => {
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

    /// The status, if it was captured: where the layout has one, or in a reply that is too
    /// short for its layout.
    pub fn status(&self) -> Option<u32> {
        if let Some(short) = &self.short_reply {
            return short.status;
        }
        let body = self.body.as_ref()?;
        let at = usize::from(body.layout.status?);
        body.number(at, 4).map(|value| value as u32)
    }

    /// The layout of the body, which a reply may be too short for.
    pub fn layout(&self) -> Option<&'static Layout> {
        match (&self.body, &self.short_reply) {
            (Some(body), _) => Some(body.layout),
            (None, short) => short.map(|short| short.layout),
        }
    }
}

/// The request values of a message that is not a reply.
const NO_REQUEST_VALUES: [Option<u64>; MAX_REQUEST_VALUES] = [None; MAX_REQUEST_VALUES];

/// Locates a guest message.
///
/// # Errors
/// The payload does not begin with headers.
#[inline] // The result is large: returning it costs as much as locating.
pub fn request(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    request_of(&CATALOG, payload)
}

/// Locates a guest message of `catalog`.
///
/// # Errors
/// The payload does not begin with headers.
#[inline]
pub fn request_of<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::unlocated(payload, MessagePart::Request);
    decoded
        .locate(|set, id| catalog.lookup(set, id), None)
        .map(|()| decoded)
}

/// Locates a host message.
///
/// # Errors
/// The payload does not begin with headers.
pub fn event(payload: Payload<'_>) -> Result<Decoded<'_>, NotAFrame> {
    event_of(&CATALOG, payload)
}

/// Locates a host message of `catalog`.
///
/// # Errors
/// The payload does not begin with headers.
pub fn event_of<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::unlocated(payload, MessagePart::Event);
    decoded
        .locate(|set, id| catalog.lookup(set, id), None)
        .map(|()| decoded)
}

/// Locates a request or host message as `message`, whatever its number is.
///
/// # Errors
/// The payload does not begin with headers.
pub fn of_message<'a>(
    message: &'static Message,
    part: MessagePart,
    payload: Payload<'a>,
) -> Result<Decoded<'a>, NotAFrame> {
    let mut decoded = Decoded::unlocated(payload, part);
    decoded.locate(|_, _| Some(message), None).map(|()| decoded)
}

/// Locates the reply to `pending`.
pub fn reply<'a>(payload: Payload<'a>, pending: &PendingRequest) -> Decoded<'a> {
    let mut decoded = Decoded::unlocated(payload, MessagePart::Reply);
    // Only headers can be wrong, and a reply has none.
    let _ = decoded.locate(|_, _| None, Some(pending));
    decoded
}

/// Locates a part of a message and stores it in `place`, which is left empty on an
/// error. [`Decoded`] is large, and moving it right after writing it is slow.
///
/// # Errors
/// The payload does not begin with headers.
#[inline]
pub fn locate<'a>(
    catalog: &'static Catalog,
    payload: Payload<'a>,
    part: MessagePart,
    pending: Option<&PendingRequest>,
    place: &mut Option<Decoded<'a>>,
) -> Result<(), NotAFrame> {
    let located = place
        .insert(Decoded::unlocated(payload, part))
        .locate(|set, id| catalog.lookup(set, id), pending);
    if located.is_err() {
        *place = None;
    }
    located
}

/// Locates a layout that belongs to no message, such as the record header, in a
/// payload.
pub fn locate_layout<'a>(layout: &'static Layout, payload: Payload<'a>) -> LocatedBody<'a> {
    LocatedBody::new(layout, payload, 0, &NO_REQUEST_VALUES)
}
