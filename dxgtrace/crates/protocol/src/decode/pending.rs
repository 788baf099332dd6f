//! What is left of a request until its reply comes.

use super::{Decoded, Frame};
use crate::schema::{Fact, MAX_FACTS, Message};
use crate::table::framing::VERSION_OLD;

/// A request that waits for its reply: the means to read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PendingRequest {
    /// The request's message, if known.
    pub message: Option<&'static Message>,
    /// The interface version that the request's framing shows.
    pub version: u32,
    /// The numbers of the request that its reply depends on, in the order of
    /// the message's facts; `None` where they were not captured.
    pub facts: [Option<u64>; MAX_FACTS],
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
        self.version = request.frame.as_ref().map_or(VERSION_OLD, Frame::version);
        self.facts = [None; MAX_FACTS];
        let (Some(message), Some(body)) = (request.message, &request.body) else {
            return;
        };
        for (value, fact) in self.facts.iter_mut().zip(&message.facts) {
            let at = |at: u16| body.settled(usize::from(at), 4);
            *value = match *fact {
                Fact::None => break,
                Fact::At(place) => at(place),
                Fact::AtOrOne(place) => at(place).map(|count| count.max(1)),
                Fact::AtIf(place, flag) => match body.settled(usize::from(flag), 1) {
                    Some(0) => Some(0),
                    Some(_) => at(place),
                    None => None,
                },
                Fact::Sum {
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
        let layout = self.message?.reply_at(self.version)?;
        layout.expected_length(&self.facts)
    }
}
