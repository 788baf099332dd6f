//! The transaction ids of a channel: they tell which requests the probe missed.
//!
//! Ids count up by one, so a request that was not seen leaves a hole. If an
//! answer to it comes, it was sent.

use std::collections::VecDeque;

use dxgtrace_protocol::table::framing::TRANSACTION_STEP_MAX;

/// Holes that are remembered, latest.
const HOLES_MAX: usize = 256;

/// What was seen on a channel. `lost` are packets of any channel that are known
/// to be lost otherwise: what is missing may be among them.
#[derive(Debug, Default)]
pub(super) struct ChannelTransactions {
    /// The highest id, or 0.
    last: u64,
    holes: VecDeque<u64>,
    lost: u64,
}

impl ChannelTransactions {
    /// A request was seen.
    pub(super) fn sent(&mut self, id: u64, lost: u64) {
        if self.last == 0 || id == 1 {
            self.holes.clear();
            self.last = id;
        } else if id > self.last {
            if lost == self.lost {
                self.skip_to(id);
            }
            self.last = id;
        } else {
            self.holes.retain(|hole| *hole != id);
        }
        self.lost = lost;
    }

    /// Whether an answer that belongs to no request is to one that was missed.
    pub(super) fn missed(&mut self, id: u64, lost: u64) -> bool {
        if self.last == 0 || lost != self.lost {
            return false;
        }
        if id > self.last && id - self.last <= TRANSACTION_STEP_MAX {
            self.skip_to(id);
            self.last = id;
            return true;
        }
        let hole = self.holes.iter().position(|hole| *hole == id);
        hole.and_then(|hole| self.holes.remove(hole)).is_some()
    }

    /// The ids from the last one up to this one were not seen.
    fn skip_to(&mut self, id: u64) {
        // A larger step is no hole: the count has begun elsewhere.
        if id - self.last <= TRANSACTION_STEP_MAX {
            self.holes.extend(self.last + 1..id);
        }
        while self.holes.len() > HOLES_MAX {
            self.holes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ChannelTransactions;

    #[test]
    fn an_answer_to_an_id_that_was_not_seen_tells_of_a_missed_request() {
        let mut ids = ChannelTransactions::default();
        assert!(!ids.missed(3, 0), "nothing is known of the channel yet");
        for id in [10, 11, 13, 15, 14] {
            ids.sent(id, 0);
        }
        assert!(!ids.missed(9, 0), "from before the capture");
        assert!(!ids.missed(14, 0), "it only came late");
        assert!(ids.missed(12, 0));
        assert!(!ids.missed(12, 0), "answered twice");
        assert!(ids.missed(17, 0), "the last ones");
        assert!(ids.missed(16, 0));
        assert!(!ids.missed(1000, 0), "an id that nobody has drawn");
    }

    #[test]
    fn what_is_lost_otherwise_was_not_missed() {
        let mut ids = ChannelTransactions::default();
        ids.sent(10, 0);
        ids.sent(13, 1);
        assert!(!ids.missed(11, 1));
        assert!(!ids.missed(14, 2));
        ids.sent(15, 2);
        assert!(!ids.missed(14, 2));
        ids.sent(17, 2);
        assert!(ids.missed(16, 2));
    }

    #[test]
    fn a_channel_that_is_opened_anew_begins_anew() {
        let mut ids = ChannelTransactions::default();
        ids.sent(110, 0);
        ids.sent(112, 0);
        ids.sent(1, 0);
        assert!(!ids.missed(111, 0));
        ids.sent(500, 0);
        assert!(!ids.missed(499, 0));
    }
}
