//! Counts lost packets, and finds the requests that the probe missed.

use super::{draft::PacketDraft, transactions::ChannelTransactions};
use dxgtrace_protocol::record::header::LostPackets;

/// What was lost so far.
#[derive(Debug, Default)]
pub(super) struct LossCounts {
    /// The kernel's counts as far as they were reported: ring full, unreadable.
    reported: [u32; 2],
    total: LostPackets,
    /// By interface.
    transactions: Vec<ChannelTransactions>,
}

impl LossCounts {
    /// All that was lost.
    pub(super) fn total(&self) -> LostPackets {
        self.total
    }

    /// What is lost for other reasons than missed probes.
    pub(super) fn other_than_missed(&self) -> u64 {
        self.total.total() - self.total.missed_probes
    }

    /// Adds to the total.
    pub(super) fn add(&mut self, lost: LostPackets) {
        self.total.ring_full += lost.ring_full;
        self.total.missed_probes += lost.missed_probes;
        self.total.user_queue += lost.user_queue;
        self.total.unreadable += lost.unreadable;
    }

    /// Whether the kernel's counts are those that were reported.
    pub(super) fn is_reported(&self, counts: [u32; 2]) -> bool {
        counts == self.reported
    }

    /// What the kernel's counts tell that was not reported yet.
    pub(super) fn report(&mut self, counts: [u32; 2]) -> LostPackets {
        let mut grown = [0; 2];
        for ((grown, count), reported) in grown.iter_mut().zip(counts).zip(&mut self.reported) {
            let more = count.wrapping_sub(*reported);
            // Records of several processors can carry counts slightly out of order.
            if more <= u32::MAX / 2 {
                *grown = more;
                *reported = count;
            }
        }
        let [ring_full, unreadable] = grown.map(u64::from);
        LostPackets {
            ring_full,
            unreadable,
            ..LostPackets::default()
        }
    }

    /// Notes the transaction id of a request.
    pub(super) fn request_sent(&mut self, request: &PacketDraft) {
        let lost = self.other_than_missed();
        let interface = request.interface as usize;
        if self.transactions.len() <= interface {
            self.transactions
                .resize_with(interface + 1, Default::default);
        }
        if let Some(ids) = self.transactions.get_mut(interface) {
            ids.sent(request.header.transaction, lost);
        }
    }

    /// Whether a reply that belongs to no request is to one that was missed.
    pub(super) fn is_request_missed(&mut self, reply: &PacketDraft) -> bool {
        let lost = self.other_than_missed();
        let ids = self.transactions.get_mut(reply.interface as usize);
        ids.is_some_and(|ids| ids.missed(reply.header.transaction, lost))
    }
}

/// So many packets that the probe missed.
pub(super) fn missed(count: u64) -> LostPackets {
    LostPackets {
        missed_probes: count,
        ..LostPackets::default()
    }
}
