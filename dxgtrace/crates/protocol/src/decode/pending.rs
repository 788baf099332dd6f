//! The part of a request that is kept until its reply arrives.

use super::Decoded;
use crate::schema::{Layout, MAX_REQUEST_VALUES, Message, RequestValue};

/// A request that waits for its reply, with what is needed to decode the reply.
#[derive(Debug, Clone, Copy, Default)]
pub struct PendingRequest {
    /// The message, if known.
    pub message: Option<&'static Message>,
    /// The interface version with which the request was decoded.
    pub version: u32,
    /// The values of the request that its reply depends on, by index; `None` if not
    /// captured.
    pub request_values: [Option<u64>; MAX_REQUEST_VALUES],
}

impl PendingRequest {
    /// Keeps what the reply to `request` needs.
    pub fn new(request: &Decoded<'_>) -> Self {
        let mut this = Self::default();
        this.remember(request);
        this
    }

    /// Replaces the kept request by `request`.
    pub fn remember(&mut self, request: &Decoded<'_>) {
        self.message = request.message;
        self.version = request.version;
        self.request_values = [None; MAX_REQUEST_VALUES];
        let Some(body) = &request.body else {
            return;
        };
        for (value, asked) in self
            .request_values
            .iter_mut()
            .zip(body.layout.values_for_reply())
        {
            let at = |at: u16| body.number_or_zero(usize::from(at), 4);
            *value = match *asked {
                RequestValue::None => continue,
                RequestValue::At(place) => at(place),
                RequestValue::AtOrOne(place) => at(place).map(|count| count.max(1)),
                RequestValue::AtIf(place, flag) => {
                    match body.number_or_zero(usize::from(flag), 1) {
                        Some(0) => Some(0),
                        Some(_) => at(place),
                        None => None,
                    }
                }
                RequestValue::Sum {
                    tail,
                    stride,
                    member,
                } => body.sum_member(usize::from(tail), stride, member),
            };
        }
    }

    /// The reply length in bytes that the driver expects. `None` if the message or its
    /// reply is not known, or if a value that the length depends on was not captured.
    pub fn expected_reply_length(&self) -> Option<u64> {
        self.expected_length_of(self.message?.reply_at(self.version)?)
    }

    /// The length in bytes that the driver expects of a reply with `layout`.
    pub fn expected_length_of(&self, layout: &Layout) -> Option<u64> {
        layout.expected_length(&self.request_values)
    }
}
