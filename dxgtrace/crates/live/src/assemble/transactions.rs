//! Detects requests that the probe missed from the transaction ids of a channel.
//!
//! Ids count up by one, so a request that was not captured leaves a hole. A reply to
//! such an id proves that the request was sent.

use std::collections::VecDeque;

use dxgtrace_protocol::table::framing::TRANSACTION_STEP_MAX;

/// Number of holes that are remembered; the latest ones.
const HOLES_MAX: usize = 256;

/// The transaction ids of a channel. `lost` is the number of packets, on any channel,
/// known to be lost for other reasons: a missing request may be among them.
#[derive(Debug, Default)]
pub(super) struct ChannelTransactions {
    /// The highest id so far, or 0.
    last: u64,
    holes: VecDeque<u64>,
    lost: u64,
}

impl ChannelTransactions {
    /// Takes the id of a captured request.
    pub(super) fn on_request(&mut self, id: u64, lost: u64) {
        if self.last == 0 || id == 1 {
            self.holes.clear();
            self.last = id;
        } else if id > self.last {
            if lost == self.lost {
                self.add_holes_before(id);
            }
            self.last = id;
        } else {
            self.holes.retain(|hole| *hole != id);
        }
        self.lost = lost;
    }

    /// Whether a reply to `id`, which no captured request has, answers a request that
    /// was missed.
    pub(super) fn is_request_missed(&mut self, id: u64, lost: u64) -> bool {
        if self.last == 0 || lost != self.lost {
            return false;
        }
        if id > self.last && id - self.last <= TRANSACTION_STEP_MAX {
            self.add_holes_before(id);
            self.last = id;
            return true;
        }
        let hole = self.holes.iter().position(|hole| *hole == id);
        hole.and_then(|hole| self.holes.remove(hole)).is_some()
    }

    /// Adds the ids between the last one and `id` as holes.
    fn add_holes_before(&mut self, id: u64) {
        // A larger step is no hole: the ids were restarted.
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
        assert!(
            !ids.is_request_missed(3, 0),
            "nothing is known of the channel yet"
        );
        for id in [10, 11, 13, 15, 14] {
            ids.on_request(id, 0);
        }
        assert!(!ids.is_request_missed(9, 0), "from before the capture");
        assert!(!ids.is_request_missed(14, 0), "it only came late");
        assert!(ids.is_request_missed(12, 0));
        assert!(!ids.is_request_missed(12, 0), "answered twice");
        assert!(ids.is_request_missed(17, 0), "the last ones");
        assert!(ids.is_request_missed(16, 0));
        assert!(
            !ids.is_request_missed(1000, 0),
            "an id that nobody has drawn"
        );
    }

    #[test]
    fn what_is_lost_otherwise_was_not_missed() {
        let mut ids = ChannelTransactions::default();
        ids.on_request(10, 0);
        ids.on_request(13, 1);
        assert!(!ids.is_request_missed(11, 1));
        assert!(!ids.is_request_missed(14, 2));
        ids.on_request(15, 2);
        assert!(!ids.is_request_missed(14, 2));
        ids.on_request(17, 2);
        assert!(ids.is_request_missed(16, 2));
    }

    #[test]
    fn a_channel_that_is_opened_anew_begins_anew() {
        let mut ids = ChannelTransactions::default();
        ids.on_request(110, 0);
        ids.on_request(112, 0);
        ids.on_request(1, 0);
        assert!(!ids.is_request_missed(111, 0));
        ids.on_request(500, 0);
        assert!(!ids.is_request_missed(499, 0));
    }
}
