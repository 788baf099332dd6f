//! A message from names and values.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::put;
use super::value::FieldValue;
use crate::decode::{self, Decoded, LocatedBody, MessagePart, NotAFrame, Payload, PendingRequest};
use crate::schema::{Form, HEADER, Layout, Message, MessageSet, layout};
use crate::table;
use crate::table::framing::{ASYNC_MSG, PROCESS, VERSION_EXTENDED, VGPU_LUID};

/// A message in the making. The first mistake is kept, and returned by
/// [`MessageBuilder::build`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MessageBuilder {
    draft: Result<MessageDraft, EncodeError>,
    /// Of a reply: its request.
    pending: Option<PendingRequest>,
}

/// An encoded message.
#[derive(Debug, Clone)]
pub struct EncodedMessage {
    /// The message.
    pub message: &'static Message,
    /// Which part of it.
    pub part: MessagePart,
    /// The interface version.
    pub version: u32,
    /// The bytes, headers included.
    pub payload: Vec<u8>,
    /// Of a reply: its request.
    pending: Option<PendingRequest>,
}

/// What is known of a message whose layout is not public.
static HEADER_ONLY: Layout = layout(HEADER, &[]);

/// Begins a request of the newest interface version.
pub fn request(name: &str) -> MessageBuilder {
    request_at(name, VERSION_EXTENDED)
}

/// Begins a request of an interface version.
pub fn request_at(name: &str, version: u32) -> MessageBuilder {
    MessageBuilder::named(name, MessagePart::Request, version)
}

/// Begins a message of the host of the newest interface version.
pub fn event(name: &str) -> MessageBuilder {
    event_at(name, VERSION_EXTENDED)
}

/// Begins a message of the host of an interface version.
pub fn event_at(name: &str, version: u32) -> MessageBuilder {
    MessageBuilder::named(name, MessagePart::Event, version)
}

/// Begins the reply to a request. What the reply repeats of it, and what its
/// lengths depend on, is taken from there.
pub fn reply_to(request: &Decoded<'_>) -> MessageBuilder {
    let pending = PendingRequest::new(request);
    let draft = match (pending.message, request.part) {
        (Some(message), MessagePart::Request) => match message.reply_at(pending.version) {
            Some(layout) => {
                let mut draft =
                    MessageDraft::new(message, MessagePart::Reply, pending.version, layout);
                draft.request_values = pending.request_values;
                if layout.echo {
                    draft.repeat(request);
                }
                Ok(draft)
            }
            None => Err(EncodeError::NoReply {
                message: message.name,
                version: pending.version,
            }),
        },
        _ => Err(EncodeError::NoRequest),
    };
    MessageBuilder {
        draft,
        pending: Some(pending),
    }
}

/// Begins a request or host message with all that another one holds, its
/// headers included: to send it again with something changed.
pub fn like(decoded: &Decoded<'_>) -> MessageBuilder {
    let version = decoded.version;
    let draft = match (decoded.message, decoded.part) {
        (Some(message), MessagePart::Request | MessagePart::Event) => {
            let form = decoded.body.as_ref().map(|body| body.layout);
            MessageBuilder::begin(message, decoded.part, version, form).and_then(|mut draft| {
                let headers = draft.base + usize::from(HEADER);
                let sent = decoded.payload.data.iter();
                for (byte, sent) in draft.bytes.iter_mut().zip(sent).take(headers) {
                    *byte = *sent;
                }
                match &decoded.body {
                    Some(body) => draft.set_all(body)?,
                    None => {
                        let rest = decoded.payload.data.get(headers..);
                        draft.trailing.extend_from_slice(rest.unwrap_or_default());
                    }
                }
                Ok(draft)
            })
        }
        _ => Err(EncodeError::NoRequest),
    };
    MessageBuilder {
        draft,
        pending: None,
    }
}

impl MessageBuilder {
    /// Begins a request or a message of the host.
    pub fn new(message: &'static Message, part: MessagePart, version: u32) -> Self {
        Self {
            draft: Self::begin(message, part, version, message.request_at(version)),
            pending: None,
        }
    }

    /// Begins a request or a message of the host in one of its forms, where the
    /// version does not tell which: a generation of the driver is known by the length.
    pub fn in_form(
        message: &'static Message,
        part: MessagePart,
        version: u32,
        form: &'static Form,
    ) -> Self {
        Self {
            draft: Self::begin(message, part, version, Some(&form.layout)),
            pending: None,
        }
    }

    fn named(name: &str, part: MessagePart, version: u32) -> Self {
        match table::by_name(name) {
            Some(message) => Self::new(message, part, version),
            None => Self {
                draft: Err(EncodeError::UnknownMessage(name.to_owned())),
                pending: None,
            },
        }
    }

    fn begin(
        message: &'static Message,
        part: MessagePart,
        version: u32,
        form: Option<&'static Layout>,
    ) -> Result<MessageDraft, EncodeError> {
        let sent_by_host = message.set == MessageSet::Host;
        match part {
            MessagePart::Event if sent_by_host => {}
            MessagePart::Request if !sent_by_host => {}
            MessagePart::Reply => return Err(EncodeError::NoRequest),
            MessagePart::Event | MessagePart::Request => {
                return Err(EncodeError::WrongPart {
                    message: message.name,
                    part,
                });
            }
        }
        let layout = form.unwrap_or(&HEADER_ONLY);
        Ok(MessageDraft::new(message, part, version, layout))
    }

    /// Gives a field, an array, or with `array.member` a member of all elements
    /// of an array a value.
    ///
    /// Of an array of structures, `array.member` takes a list with a value for
    /// each element; [`MessageBuilder::element`] adds one element after the
    /// other.
    pub fn set<'v>(self, name: &str, value: impl Into<FieldValue<'v>>) -> Self {
        self.change(|draft| draft.set(name, value.into()))
    }

    /// Adds an element to an array of structures.
    pub fn element<'n, 'v, V: Into<FieldValue<'v>>>(
        self,
        array: &str,
        members: impl IntoIterator<Item = (&'n str, V)>,
    ) -> Self {
        self.change(|draft| draft.push(array, members))
    }

    /// Gives everything a value that a located message holds, by its names.
    pub fn set_all(self, body: &LocatedBody<'_>) -> Self {
        self.change(|draft| draft.set_all(body))
    }

    /// The process that the command header names.
    pub fn process(self, process: u32) -> Self {
        self.header(|draft| draft.set_header(&PROCESS, process.into()))
    }

    /// The virtual GPU that the extended header names. Older interface versions
    /// have no such header.
    pub fn vgpu_luid(self, luid: u64) -> Self {
        self.header(|draft| {
            if draft.base > 0 {
                let _ = put(&mut draft.bytes, &VGPU_LUID, luid);
            }
        })
    }

    /// The sender wants no reply.
    pub fn asynchronous(self) -> Self {
        self.header(|draft| draft.set_header(&ASYNC_MSG, 1))
    }

    /// Bytes behind the end of the message. Of a message whose layout is not
    /// public: all that follows its headers.
    pub fn trailing(self, bytes: &[u8]) -> Self {
        self.change(|draft| {
            draft.trailing.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// The message's bytes.
    ///
    /// # Errors
    /// The first mistake in what was set, or an array that is longer than what
    /// tells its length.
    pub fn build(self) -> Result<EncodedMessage, EncodeError> {
        let draft = self.draft?;
        Ok(EncodedMessage {
            message: draft.message,
            part: draft.part,
            version: draft.version,
            payload: draft.finish()?,
            pending: self.pending,
        })
    }

    fn change(mut self, change: impl FnOnce(&mut MessageDraft) -> Result<(), EncodeError>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }

    /// Changes the headers, which replies do not have.
    fn header(self, change: impl FnOnce(&mut MessageDraft)) -> Self {
        self.change(|draft| {
            if draft.part != MessagePart::Reply {
                change(draft);
            }
            Ok(())
        })
    }
}

impl MessageDraft {
    /// Takes over the request that a reply repeats, headers and arrays included.
    fn repeat(&mut self, request: &Decoded<'_>) {
        let sent = request.payload.data.get(request.base..).unwrap_or_default();
        for (byte, sent) in self.body_mut().iter_mut().zip(sent) {
            *byte = *sent;
        }
        let Some(body) = &request.body else { return };
        for (index, tail) in body.tails().enumerate().take(self.layout.tails.len()) {
            self.resize_tail(index, tail.captured());
            let at = self.tail_at(index);
            let place = self.bytes.get_mut(at..).unwrap_or_default();
            for (byte, sent) in place.iter_mut().zip(tail.bytes) {
                *byte = *sent;
            }
        }
    }
}

impl EncodedMessage {
    /// The message, located again.
    ///
    /// # Errors
    /// Never of what [`MessageBuilder::build`] returned.
    pub fn decode(&self) -> Result<Decoded<'_>, NotAFrame> {
        let payload = Payload::whole(&self.payload).of_version(self.version);
        match (self.part, &self.pending) {
            (MessagePart::Reply, Some(pending)) => Ok(decode::reply(payload, pending)),
            (part, _) => decode::of_message(self.message, part, payload),
        }
    }

    /// Begins the reply to this request.
    ///
    /// # Errors
    /// Never of what [`MessageBuilder::build`] returned.
    pub fn reply(&self) -> Result<MessageBuilder, NotAFrame> {
        self.decode().map(|request| reply_to(&request))
    }

    /// The bytes as they come out of the ring, which rounds lengths up to 8.
    pub fn on_ring(mut self) -> Vec<u8> {
        self.payload
            .resize(self.payload.len().next_multiple_of(8), 0);
        self.payload
    }
}
