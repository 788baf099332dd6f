//! A queue and a thread that writes it to a pipe or terminal, whose reader may
//! stall.
//!
//! The caller enforces the limit: while [`OutputQueue::is_full`], it drops
//! packets and records the loss in their place.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::OutputTarget;

/// Chunks shorter than this are extended, so that one `write` call takes many
/// records. A single longer addition stays one chunk.
const CHUNK_BYTES: usize = 1 << 20;
/// Interval at which [`OutputQueue::finish`] polls `give_up`.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The sending end of the queue. Clones share the queue.
#[derive(Clone)]
pub struct OutputQueue {
    shared: Arc<SharedQueue>,
    limit: usize,
}

#[derive(Default)]
struct SharedQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes in `chunks` and in the chunk being written.
    queued: usize,
    /// What [`OutputQueue::is_full`] last returned, for its hysteresis.
    full: bool,
    /// Whether the thread is writing a chunk.
    busy: bool,
    /// Whether no more chunks will be added.
    closed: bool,
    /// The error of the first write that failed.
    failure: Option<(io::ErrorKind, String)>,
}

impl QueueState {
    fn check(&self) -> io::Result<()> {
        match &self.failure {
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
            None => Ok(()),
        }
    }
}

impl SharedQueue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        // A panic cannot leave the state inconsistent: it is valid after every
        // statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputQueue {
    /// Default limit of queued bytes. Exceeded by at most the record that
    /// reaches it.
    pub const BYTES: usize = 64 << 20;

    /// Starts a thread that writes to `target`, behind a queue of `limit` bytes.
    ///
    /// # Errors
    /// The thread cannot be created.
    pub fn new(target: OutputTarget, limit: usize) -> io::Result<Self> {
        let shared = Arc::new(SharedQueue::default());
        let thread_shared = shared.clone();
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || run(&thread_shared, target))?;
        Ok(Self { shared, limit })
    }

    /// Whether the queue exceeds its limit. Stays true until it has fallen to
    /// half the limit, so that packets are dropped in one run and not every
    /// other one.
    pub fn is_full(&self) -> bool {
        let mut state = self.shared.state();
        let limit = if state.full {
            self.limit / 2
        } else {
            self.limit
        };
        state.full = state.queued > limit;
        state.full
    }

    /// Appends `bytes` to the queue.
    ///
    /// # Errors
    /// An earlier write failed.
    pub fn add(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.shared.state();
        state.check()?;
        match state.chunks.back_mut() {
            Some(last) if last.len() < CHUNK_BYTES => last.extend_from_slice(bytes),
            _ => state.chunks.push_back(bytes.to_vec()),
        }
        state.queued += bytes.len();
        if !state.busy {
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Checks that all writes so far have succeeded.
    ///
    /// # Errors
    /// A write failed.
    pub fn check(&self) -> io::Result<()> {
        self.shared.state().check()
    }

    /// Waits until the queue is written, or until `give_up` returns true, and
    /// ends the thread.
    ///
    /// # Errors
    /// A write failed, or `give_up` returned true before all was written.
    pub fn finish(&self, give_up: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let mut state = self.shared.state();
        while state.failure.is_none() && (state.busy || !state.chunks.is_empty()) {
            if give_up() {
                let bytes = state.queued;
                return Err(io::Error::other(format!(
                    "the reader does not take the output: {bytes} bytes were not written"
                )));
            }
            let waited = self.shared.changed.wait_timeout(state, POLL_INTERVAL);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.closed = true;
        self.shared.changed.notify_all();
        state.check()
    }
}

/// Body of the thread: writes chunks to `target` until the queue is closed.
fn run(shared: &SharedQueue, mut target: OutputTarget) {
    let mut state = shared.state();
    loop {
        let Some(chunk) = state.chunks.pop_front() else {
            if state.closed {
                return;
            }
            let woken = shared.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        state.busy = true;
        drop(state);
        let result = target.write(&chunk);
        state = shared.state();
        state.busy = false;
        state.queued -= chunk.len();
        if let Err((_, error)) = result {
            state.failure = Some((error.kind(), error.to_string()));
            state.chunks.clear();
            state.closed = true;
        }
        shared.changed.notify_all();
    }
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, pipe};
    use std::os::fd::OwnedFd;

    #[test]
    fn a_reader_that_pauses_fills_the_queue_and_then_gets_all_of_it() {
        let (mut reader, writer) = pipe().unwrap();
        let target = OutputTarget {
            file: File::from(OwnedFd::from(writer)),
            name: "pipe".into(),
            created: false,
        };
        let queue = OutputQueue::new(target, 100_000).unwrap();
        let mut sent = 0;
        // A pipe holds 64 KiB itself.
        while !queue.is_full() {
            queue.add(&[7; 1000]).unwrap();
            sent += 1000;
        }
        assert!(sent > 100_000, "{sent}");
        let refused = queue.finish(&mut || true).unwrap_err();
        assert!(
            refused.to_string().contains("were not written"),
            "{refused}"
        );
        let drain = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all.len())
        });
        queue.finish(&mut || false).unwrap();
        assert!(!queue.is_full());
        assert_eq!(drain.join().unwrap().unwrap(), sent);
    }
}
