//! A bounded queue before a reader that may pause, and a thread that writes.
//!
//! Whoever fills it keeps the bound: [`OutputQueue::is_full`] says when to leave
//! packets out, and to say so at their place.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::OutputTarget;

/// Bytes that are handed to the system at once, at most, unless they came so.
const STEP_BYTES: usize = 1 << 20;
/// How often whoever waits for the end is asked whether to go on waiting.
const INTERVAL: Duration = Duration::from_millis(50);

/// The end that is filled. Clones fill the same queue.
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
    steps: VecDeque<Vec<u8>>,
    /// Bytes in the steps, including the one at work.
    queued: usize,
    full: bool,
    /// The thread is at a step.
    busy: bool,
    /// Nothing follows.
    closed: bool,
    /// Why nothing more can be written.
    failure: Option<(io::ErrorKind, String)>,
}

impl QueueState {
    fn failed(&self) -> io::Result<()> {
        match &self.failure {
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
            None => Ok(()),
        }
    }
}

impl SharedQueue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        // The state is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputQueue {
    /// Bytes that may wait; a little more, since what has begun is finished.
    pub const BYTES: usize = 64 << 20;

    /// A thread that writes to `target`, with a queue of `limit` bytes.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn new(target: OutputTarget, limit: usize) -> io::Result<Self> {
        let shared = Arc::new(SharedQueue::default());
        let theirs = shared.clone();
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || run(&theirs, target))?;
        Ok(Self { shared, limit })
    }

    /// Whether so much waits that nothing should be added. It stays so until
    /// half of it is written, lest every other packet be left out.
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

    /// Adds bytes.
    ///
    /// # Errors
    /// What was added before could not be written.
    pub fn add(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.shared.state();
        state.failed()?;
        match state.steps.back_mut() {
            Some(before) if before.len() < STEP_BYTES => before.extend_from_slice(bytes),
            _ => state.steps.push_back(bytes.to_vec()),
        }
        state.queued += bytes.len();
        if !state.busy {
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Says whether anything could not be written so far.
    ///
    /// # Errors
    /// It could not.
    pub fn failed(&self) -> io::Result<()> {
        self.shared.state().failed()
    }

    /// Waits until all is written, or until `give_up` says so.
    ///
    /// # Errors
    /// Something could not be written, or not all was before it was given up.
    pub fn finish(&self, give_up: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let mut state = self.shared.state();
        while state.failure.is_none() && (state.busy || !state.steps.is_empty()) {
            if give_up() {
                let bytes = state.queued;
                return Err(io::Error::other(format!(
                    "nobody takes it: {bytes} bytes were not written"
                )));
            }
            let waited = self.shared.changed.wait_timeout(state, INTERVAL);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.closed = true;
        self.shared.changed.notify_all();
        state.failed()
    }
}

/// The thread.
fn run(shared: &SharedQueue, mut target: OutputTarget) {
    let mut state = shared.state();
    loop {
        let Some(step) = state.steps.pop_front() else {
            if state.closed {
                return;
            }
            let woken = shared.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        state.busy = true;
        drop(state);
        let result = target.write(&step);
        state = shared.state();
        state.busy = false;
        state.queued -= step.len();
        if let Err((_, error)) = result {
            state.failure = Some((error.kind(), error.to_string()));
            state.steps.clear();
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
            own: false,
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
        let taker = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all.len())
        });
        queue.finish(&mut || false).unwrap();
        assert!(!queue.is_full());
        assert_eq!(taker.join().unwrap().unwrap(), sent);
    }
}
