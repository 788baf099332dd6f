//! Fields of messages by names that are checked at compile time.

use super::{Decoded, MessagePart, Value};
use crate::schema::text::fail_build;
use crate::schema::{Field, Forms, MAX_FORMS, Message, MessageSet};
use crate::table::CATALOG;

/// A field of a request, host message or reply, in every form of that part.
///
/// ```
/// use dxgtrace_protocol::decode::{self, MessageField, Payload};
///
/// const FLAGS: MessageField = MessageField::of_request("create_device", "flags");
///
/// let mut payload = [0; 40];
/// payload[24] = 1;
/// let decoded = decode::request(Payload::whole(&payload))?;
/// assert_eq!(decoded.get(&FLAGS), Some(1));
/// # Ok::<(), decode::NotAFrame>(())
/// ```
///
/// A wrong name fails the build:
///
/// ```compile_fail
/// use dxgtrace_protocol::decode::MessageField;
///
/// const FLAGS: MessageField = MessageField::of_request("create_device", "flag");
/// # assert!(FLAGS.name() == "flag");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MessageField {
    set: MessageSet,
    id: u32,
    is_reply: bool,
    name: &'static str,
    /// The field in each form of the part.
    forms: [Option<&'static Field>; MAX_FORMS],
}

impl MessageField {
    /// The field `field` of the request or host message called `message`.
    pub const fn of_request(message: &str, field: &'static str) -> Self {
        let message = CATALOG.require_message(message);
        Self::of(message, &message.requests, false, field)
    }

    /// The field `field` of the reply to the message called `message`.
    pub const fn of_reply(message: &str, field: &'static str) -> Self {
        let message = CATALOG.require_message(message);
        Self::of(message, &message.replies, true, field)
    }

    const fn of(
        message: &'static Message,
        part: &'static Forms,
        is_reply: bool,
        name: &'static str,
    ) -> Self {
        let mut forms = [None; MAX_FORMS];
        let mut is_known = false;
        let mut i = 0;
        while let Some(form) = part.get(i) {
            forms[i] = form.layout.field(name);
            is_known |= forms[i].is_some();
            i += 1;
        }
        if !is_known {
            fail_build(message.name, "has no field", name);
        }
        Self {
            set: message.set,
            id: message.id,
            is_reply,
            name,
            forms,
        }
    }

    /// The name of the field.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The field in the form of `decoded`. `None` if `decoded` is another message or
    /// part, or if the field does not exist or does not apply in it.
    pub fn in_form_of(&self, decoded: &Decoded<'_>) -> Option<&'static Field> {
        let (message, body) = (decoded.message?, decoded.body.as_ref()?);
        let is_reply = decoded.part == MessagePart::Reply;
        if (message.set, message.id, is_reply) != (self.set, self.id, self.is_reply) {
            return None;
        }
        let field = *self.forms.get(usize::from(body.layout.form_index))?;
        field.filter(|field| body.applies(field))
    }
}

impl<'a> Decoded<'a> {
    /// The number in `field`, if this message has the field and it was captured.
    pub fn get(&self, field: &MessageField) -> Option<u64> {
        let field = field.in_form_of(self)?;
        self.body.as_ref()?.number_of(field)
    }

    /// The value of `field`, if this message has the field and it was captured.
    pub fn value(&self, field: &MessageField) -> Option<Value<'a>> {
        let field = field.in_form_of(self)?;
        self.body.as_ref()?.field_ref(field).value()
    }
}
