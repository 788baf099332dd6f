//! Sends messages at a steady rate, to measure whether a capture keeps up.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{channel::FakeChannel, driver};
use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::ChannelKind;
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_INBAND};

/// Interval between bursts of messages.
const BURST: Duration = Duration::from_millis(1);

/// Sends messages at a steady rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadGenerator {
    /// Number of sending threads.
    pub threads: u32,
    /// Messages per second, of all threads together.
    pub rate: u64,
    /// Length of each message, in bytes.
    pub size: usize,
    /// Duration in seconds.
    pub seconds: u64,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadReport {
    /// Number of messages.
    pub sent: u64,
    /// Time that sending took.
    pub elapsed: Duration,
}

impl LoadGenerator {
    /// Sends the messages and returns when all are sent.
    ///
    /// # Errors
    /// A thread cannot be created, or panicked.
    pub fn run(&self) -> io::Result<LoadReport> {
        let channel = Channel {
            name: "vgpu0".into(),
            kind: ChannelKind::Vgpu,
            relid: 21,
            instance: None,
        };
        let channel = Arc::new(FakeChannel::new(&channel, channel.relid));
        let transactions = Arc::new(AtomicU64::new(1));
        let total = self.rate.saturating_mul(self.seconds);
        let threads = u64::from(self.threads.max(1));
        let start = Instant::now();
        let senders: Vec<JoinHandle<()>> = (0..threads)
            .map(|index| {
                let (channel, transactions) = (channel.clone(), transactions.clone());
                let count = total / threads + u64::from(index < total % threads);
                let (seconds, size) = (self.seconds, self.size);
                std::thread::Builder::new()
                    .name(format!("load{index}"))
                    .spawn(move || send(&channel, &transactions, count, seconds, size, start))
            })
            .collect::<io::Result<_>>()?;
        for sender in senders {
            sender
                .join()
                .map_err(|_| io::Error::other("a sending thread panicked"))?;
        }
        Ok(LoadReport {
            sent: total,
            elapsed: start.elapsed(),
        })
    }
}

/// Sends `count` messages, spread evenly over `seconds` from `start` on.
fn send(
    channel: &FakeChannel,
    transactions: &AtomicU64,
    count: u64,
    seconds: u64,
    size: usize,
    start: Instant,
) {
    let mut payload = vec![0; size];
    let whole = Duration::from_secs(seconds).as_nanos().max(1);
    let mut sent = 0;
    while sent < count {
        let share = start.elapsed().as_nanos() * u128::from(count) / whole;
        let due = u64::try_from(share).unwrap_or(u64::MAX).min(count);
        while sent < due {
            let transaction = transactions.fetch_add(1, Ordering::Relaxed);
            if let Some(number) = payload.first_chunk_mut() {
                *number = transaction.to_le_bytes();
            }
            driver::send(
                channel,
                &payload,
                transaction,
                PACKET_INBAND,
                FLAG_COMPLETION_REQUESTED,
                0,
            );
            sent += 1;
        }
        if sent < count {
            std::thread::sleep(BURST);
        }
    }
}
