//! Counts lost packets, and detects requests that the probe missed.

use super::{draft::PacketDraft, transactions::ChannelTransactions};
use dxgtrace_protocol::record::header::LostPackets;

/// Counts of lost packets.
#[derive(Debug, Default)]
pub(super) struct LossCounts {
    /// The probe's counts (ring full, unreadable) up to which losses are in `total`.
    reported: [u32; 2],
    total: LostPackets,
    /// The transaction ids of each interface.
    transactions: Vec<ChannelTransactions>,
}

impl LossCounts {
    /// All lost packets.
    pub(super) fn total(&self) -> LostPackets {
        self.total
    }

    /// Number of packets lost for other reasons than missed probes.
    pub(super) fn without_missed_probes(&self) -> u64 {
        self.total.total() - self.total.missed_probes
    }

    /// Adds `lost` to the total.
    pub(super) fn add(&mut self, lost: LostPackets) {
        self.total.ring_full += lost.ring_full;
        self.total.missed_probes += lost.missed_probes;
        self.total.user_queue += lost.user_queue;
        self.total.unreadable += lost.unreadable;
    }

    /// Whether `counts` show no loss that is not in the total.
    pub(super) fn is_reported(&self, counts: [u32; 2]) -> bool {
        counts == self.reported
    }

    /// Returns the losses that `counts` show beyond those reported before.
    pub(super) fn take_new(&mut self, counts: [u32; 2]) -> LostPackets {
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

    /// Takes the transaction id of a request.
    pub(super) fn on_request(&mut self, request: &PacketDraft) {
        let lost = self.without_missed_probes();
        let interface = request.interface as usize;
        if self.transactions.len() <= interface {
            self.transactions
                .resize_with(interface + 1, Default::default);
        }
        if let Some(ids) = self.transactions.get_mut(interface) {
            ids.on_request(request.header.transaction, lost);
        }
    }

    /// Whether `reply`, which belongs to no captured request, answers one that the
    /// probe missed.
    pub(super) fn is_request_missed(&mut self, reply: &PacketDraft) -> bool {
        let lost = self.without_missed_probes();
        let ids = self.transactions.get_mut(reply.interface as usize);
        ids.is_some_and(|ids| ids.is_request_missed(reply.header.transaction, lost))
    }
}

/// A loss of `count` packets that the probe missed.
pub(super) fn missed_probes(count: u64) -> LostPackets {
    LostPackets {
        missed_probes: count,
        ..LostPackets::default()
    }
}
