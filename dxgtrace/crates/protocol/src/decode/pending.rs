//! What is left of a request until its reply comes.

use super::Decoded;
use crate::schema::{Layout, MAX_REQUEST_VALUES, Message, RequestValue};

/// A request that waits for its reply: the means to read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PendingRequest {
    /// The request's message, if known.
    pub message: Option<&'static Message>,
    /// The interface version by which the request was read.
    pub version: u32,
    /// The numbers of the request that its reply depends on, in the order of
    /// the message's request values; `None` where they were not captured.
    pub request_values: [Option<u64>; MAX_REQUEST_VALUES],
}

impl PendingRequest {
    /// Remembers a request.
    pub fn new(request: &Decoded<'_>) -> Self {
        let mut this = Self::default();
        this.fill(request);
        this
    }

    /// Remembers another request.
    pub fn fill(&mut self, request: &Decoded<'_>) {
        self.message = request.message;
        self.version = request.version;
        self.request_values = [None; MAX_REQUEST_VALUES];
        let Some(body) = &request.body else {
            return;
        };
        for (value, asked) in self
            .request_values
            .iter_mut()
            .zip(body.layout.asked_values())
        {
            let at = |at: u16| body.settled(usize::from(at), 4);
            *value = match *asked {
                RequestValue::None => continue,
                RequestValue::At(place) => at(place),
                RequestValue::AtOrOne(place) => at(place).map(|count| count.max(1)),
                RequestValue::AtIf(place, flag) => match body.settled(usize::from(flag), 1) {
                    Some(0) => Some(0),
                    Some(_) => at(place),
                    None => None,
                },
                RequestValue::Sum {
                    tail,
                    stride,
                    member,
                } => body.sum(usize::from(tail), stride, member),
            };
        }
    }

    /// How many bytes the driver expects in the reply, by the protocol. `None`
    /// if the message or its reply is not known, or if the capture was cut
    /// before what the length depends on.
    pub fn expected(&self) -> Option<u64> {
        self.expected_by(self.message?.reply_at(self.version)?)
    }

    /// The same where the reply has shown which form it has.
    pub fn expected_by(&self, layout: &Layout) -> Option<u64> {
        layout.expected_length(&self.request_values)
    }
}
