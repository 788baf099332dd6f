//! Sends that found the ring full: did the host read others meanwhile?

use super::pairing::RecentReply;
use crate::check::{Finding, FindingKind, Milliseconds, RepeatCount};
use dxgtrace_protocol::packet::Packet;

/// Replies within this time count as meanwhile, in nanoseconds.
const MEANWHILE: u64 = 100_000_000;
/// Refused sends whose time has not passed, at most.
const OPEN_MAX: usize = 1 << 4;
/// Refused sends remembered for the end of the capture.
const CLOSED_MAX: usize = 1 << 10;
/// Processes told apart at most.
const PROCESSES_MAX: usize = 32;

/// A send that the ring had no room for.
#[derive(Debug, Clone)]
struct RefusedSend {
    packet: u64,
    time: u64,
    channel: u32,
    /// Replies on the channel within [`MEANWHILE`] before or after.
    answered: u32,
    /// Those of them that came after it.
    after: u32,
    /// The processes, as the host numbers them, that sent there.
    processes: Vec<u32>,
}

impl RefusedSend {
    fn add(&mut self, reply: RecentReply) {
        self.answered = self.answered.saturating_add(1);
        // 0 is the driver itself.
        if reply.process != 0
            && self.processes.len() < PROCESSES_MAX
            && !self.processes.contains(&reply.process)
        {
            self.processes.push(reply.process);
        }
    }
}

/// The refused sends of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct RefusedSends {
    open: Vec<RefusedSend>,
    closed: Vec<RefusedSend>,
}

impl RefusedSends {
    /// The ring had no room for a message of `process`. `before` are the latest
    /// replies on its channel.
    #[cold]
    pub fn on_refused(
        &mut self,
        packet: &Packet<'_>,
        process: u32,
        before: impl Iterator<Item = RecentReply>,
    ) {
        if self.open.len() >= OPEN_MAX {
            let oldest = self.open.remove(0);
            self.close(oldest);
        }
        let mut refused = RefusedSend {
            packet: packet.number,
            time: packet.time,
            channel: packet.header.channel,
            answered: 0,
            after: 0,
            processes: vec![process],
        };
        let since = packet.time.saturating_sub(MEANWHILE);
        for reply in before.filter(|reply| reply.time >= since) {
            refused.add(reply);
        }
        self.open.push(refused);
    }

    /// A reply has come.
    #[inline]
    pub fn on_reply(&mut self, channel: u32, reply: RecentReply) {
        if !self.open.is_empty() {
            self.on_later_reply(channel, reply);
        }
    }

    #[cold]
    fn on_later_reply(&mut self, channel: u32, reply: RecentReply) {
        let past = |one: &mut RefusedSend| reply.time.saturating_sub(one.time) > MEANWHILE;
        for refused in self.open.extract_if(.., past).collect::<Vec<_>>() {
            self.close(refused);
        }
        for refused in &mut self.open {
            if refused.channel == channel {
                refused.after = refused.after.saturating_add(1);
                refused.add(reply);
            }
        }
    }

    fn close(&mut self, refused: RefusedSend) {
        // Replies from before prove nothing: the host may have stopped since.
        if refused.after > 0 && self.closed.len() < CLOSED_MAX {
            self.closed.push(refused);
        }
    }

    /// Reports the refused sends around which the host answered other requests.
    pub fn finish(&self, found: &mut impl FnMut(u64, Finding)) {
        for refused in self.closed.iter().chain(&self.open) {
            if refused.after == 0 {
                continue;
            }
            let kind = FindingKind::SendHostReads {
                answered: RepeatCount(refused.answered),
                processes: RepeatCount(refused.processes.len() as u32),
                within_ms: Milliseconds(MEANWHILE / 1_000_000),
            };
            found(refused.packet, Finding::new(kind));
        }
    }
}
