//! Builds a message from names and values.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::write_field;
use super::value::FieldValue;
use crate::decode::{self, Decoded, LocatedBody, MessagePart, NotAFrame, Payload, PendingRequest};
use crate::schema::{Form, HEADER, Layout, Message, MessageSet, layout};
use crate::table;
use crate::table::framing::{ASYNC_MSG, PROCESS, VERSION_EXTENDED, VGPU_LUID};

/// Builds a message. [`MessageBuilder::build`] returns the first error.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MessageBuilder {
    draft: Result<MessageDraft, EncodeError>,
    /// For a reply: its request.
    pending: Option<PendingRequest>,
}

/// An encoded message.
#[derive(Debug, Clone)]
pub struct EncodedMessage {
    /// The message.
    pub message: &'static Message,
    /// The part of the message.
    pub part: MessagePart,
    /// The interface version.
    pub version: u32,
    /// The bytes, headers included.
    pub payload: Vec<u8>,
    /// For a reply: its request.
    pending: Option<PendingRequest>,
}

/// The layout of a message whose layout is not public.
static HEADER_ONLY: Layout = layout(HEADER, &[]);

/// Starts a request at the newest interface version.
pub fn request(name: &str) -> MessageBuilder {
    request_at(name, VERSION_EXTENDED)
}

/// Starts a request at an interface version.
pub fn request_at(name: &str, version: u32) -> MessageBuilder {
    MessageBuilder::named(name, MessagePart::Request, version)
}

/// Starts a host message at the newest interface version.
pub fn event(name: &str) -> MessageBuilder {
    event_at(name, VERSION_EXTENDED)
}

/// Starts a host message at an interface version.
pub fn event_at(name: &str, version: u32) -> MessageBuilder {
    MessageBuilder::named(name, MessagePart::Event, version)
}

/// Starts the reply to `request`, from which repeated fields and lengths are taken.
pub fn reply_to(request: &Decoded<'_>) -> MessageBuilder {
    let pending = PendingRequest::new(request);
    let draft = match (pending.message, request.part) {
        (Some(message), MessagePart::Request) => match message.reply_at(pending.version) {
            Some(layout) => {
                let mut draft =
                    MessageDraft::new(message, MessagePart::Reply, pending.version, layout);
                draft.request_values = pending.request_values;
                if layout.is_echo {
                    draft.copy_request(request);
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

/// Starts a copy of a request or host message, headers included, in which fields can be
/// changed.
pub fn copy_of(decoded: &Decoded<'_>) -> MessageBuilder {
    let version = decoded.version;
    let draft = match (decoded.message, decoded.part) {
        (Some(message), MessagePart::Request | MessagePart::Event) => {
            let form = decoded.body.as_ref().map(|body| body.layout);
            MessageBuilder::start_draft(message, decoded.part, version, form).and_then(
                |mut draft| {
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
                },
            )
        }
        _ => Err(EncodeError::NoRequest),
    };
    MessageBuilder {
        draft,
        pending: None,
    }
}

impl MessageBuilder {
    /// Starts a request or host message.
    pub fn new(message: &'static Message, part: MessagePart, version: u32) -> Self {
        Self {
            draft: Self::start_draft(message, part, version, message.request_at(version)),
            pending: None,
        }
    }

    /// Starts a request or host message in a given form, for forms that are identified by
    /// length.
    pub fn in_form(
        message: &'static Message,
        part: MessagePart,
        version: u32,
        form: &'static Form,
    ) -> Self {
        Self {
            draft: Self::start_draft(message, part, version, Some(&form.layout)),
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

    fn start_draft(
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

    /// Sets a field, an array, or with `array.member` a member of all elements of an array.
    ///
    /// For an array of structures, `array.member` takes a list with one value per
    /// element. [`MessageBuilder::add_element`] adds single elements.
    pub fn set<'v>(self, name: &str, value: impl Into<FieldValue<'v>>) -> Self {
        self.with_draft(|draft| draft.set(name, value.into()))
    }

    /// Adds an element to an array of structures.
    pub fn add_element<'n, 'v, V: Into<FieldValue<'v>>>(
        self,
        array: &str,
        members: impl IntoIterator<Item = (&'n str, V)>,
    ) -> Self {
        self.with_draft(|draft| draft.push_element(array, members))
    }

    /// Sets every field and array that `body` holds, by name.
    pub fn set_all(self, body: &LocatedBody<'_>) -> Self {
        self.with_draft(|draft| draft.set_all(body))
    }

    /// Sets the process in the command header.
    pub fn process(self, process: u32) -> Self {
        self.with_header(|draft| draft.set_header(&PROCESS, process.into()))
    }

    /// Sets the virtual GPU in the extended header, which older interface versions do not
    /// have.
    pub fn vgpu_luid(self, luid: u64) -> Self {
        self.with_header(|draft| {
            if draft.base > 0 {
                let _ = write_field(&mut draft.bytes, &VGPU_LUID, luid);
            }
        })
    }

    /// Declares that the sender requests no reply.
    pub fn asynchronous(self) -> Self {
        self.with_header(|draft| draft.set_header(&ASYNC_MSG, 1))
    }

    /// Appends bytes after the end of the message; if its layout is not public, after its
    /// headers.
    pub fn trailing(self, bytes: &[u8]) -> Self {
        self.with_draft(|draft| {
            draft.trailing.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Encodes the message.
    ///
    /// # Errors
    /// The first value that could not be set, or an array that is longer than its count.
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

    fn with_draft(
        mut self,
        change: impl FnOnce(&mut MessageDraft) -> Result<(), EncodeError>,
    ) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }

    /// Changes the headers; replies have none.
    fn with_header(self, change: impl FnOnce(&mut MessageDraft)) -> Self {
        self.with_draft(|draft| {
            if draft.part != MessagePart::Reply {
                change(draft);
            }
            Ok(())
        })
    }
}

impl MessageDraft {
    /// Copies the request that a reply repeats, headers and arrays included.
    fn copy_request(&mut self, request: &Decoded<'_>) {
        let sent = request.payload.data.get(request.base..).unwrap_or_default();
        for (byte, sent) in self.body_mut().iter_mut().zip(sent) {
            *byte = *sent;
        }
        let Some(body) = &request.body else { return };
        for (index, tail) in body.tails().enumerate().take(self.layout.tails.len()) {
            self.resize_tail(index, tail.captured_elements());
            let at = self.tail_at(index);
            let place = self.bytes.get_mut(at..).unwrap_or_default();
            for (byte, sent) in place.iter_mut().zip(tail.bytes) {
                *byte = *sent;
            }
        }
    }
}

impl EncodedMessage {
    /// Decodes the message.
    ///
    /// # Errors
    /// None for a message from [`MessageBuilder::build`].
    pub fn decode(&self) -> Result<Decoded<'_>, NotAFrame> {
        let payload = Payload::whole(&self.payload).with_version(self.version);
        match (self.part, &self.pending) {
            (MessagePart::Reply, Some(pending)) => Ok(decode::reply(payload, pending)),
            (part, _) => decode::of_message(self.message, part, payload),
        }
    }

    /// Starts the reply to this request.
    ///
    /// # Errors
    /// None for a message from [`MessageBuilder::build`].
    pub fn reply(&self) -> Result<MessageBuilder, NotAFrame> {
        self.decode().map(|request| reply_to(&request))
    }

    /// The bytes as read from the ring, which rounds lengths up to a multiple of 8.
    pub fn on_ring(mut self) -> Vec<u8> {
        self.payload
            .resize(self.payload.len().next_multiple_of(8), 0);
        self.payload
    }
}
