//! Lets one thread read a file while another thread appends to it.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How far a file has been written and read. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct FileGrowth(Arc<(Mutex<TailState>, Condvar)>);

#[derive(Debug, Clone, Copy, Default)]
struct TailState {
    written: u64,
    read: u64,
    ended: bool,
}

impl FileGrowth {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of bytes written, and wakes the reader.
    pub fn set_written(&self, bytes: u64) {
        self.change(|state| state.written = bytes);
    }

    /// Number of bytes read.
    pub fn read(&self) -> u64 {
        self.state().read
    }

    /// Declares the file complete, and wakes the reader.
    pub fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Whether the file is complete.
    pub fn has_ended(&self) -> bool {
        self.state().ended
    }

    fn change(&self, change: impl FnOnce(&mut TailState)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn state(&self) -> TailState {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until more than `position` bytes are written, or the file is
    /// complete.
    fn wait(&self, position: u64) -> TailState {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut TailState| state.written <= position && !state.ended;
        match self.0.1.wait_while(state, waits) {
            Ok(state) => *state,
            Err(poisoned) => *poisoned.into_inner(),
        }
    }
}

/// Reads a file that another thread appends to. At its end, waits for more.
#[derive(Debug)]
pub struct GrowingFile<F> {
    file: F,
    growth: FileGrowth,
    position: u64,
}

impl<F: Read> GrowingFile<F> {
    /// A reader of `file`, which never reads beyond what `growth` says is
    /// written.
    pub fn new(file: F, growth: FileGrowth) -> Self {
        Self {
            file,
            growth,
            position: 0,
        }
    }
}

impl<F: Read> Read for GrowingFile<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let state = self.growth.wait(self.position);
            let left = state.written.saturating_sub(self.position);
            if left == 0 && state.ended {
                return Ok(0);
            }
            let wanted = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = self
                .file
                .read(buffer.get_mut(..wanted).unwrap_or(&mut []))?;
            if count > 0 || wanted == 0 {
                self.position += count as u64;
                self.growth.change(|state| state.read = self.position);
                return Ok(count);
            }
            // Written, but not visible to this file descriptor yet.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Write;

    #[test]
    fn a_growing_file_gives_all_that_is_written_and_then_ends() {
        let path = std::env::temp_dir().join(format!("dxgtrace-tail-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let growth = FileGrowth::new();
        let mut tail = GrowingFile::new(File::open(&path).unwrap(), growth.clone());
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            tail.read_to_end(&mut all).unwrap();
            all
        });
        for step in 1..=3 {
            file.write_all(b"0123456789").unwrap();
            growth.set_written(step * 10);
        }
        growth.end();
        assert_eq!(reader.join().unwrap().len(), 30);
        fs::remove_file(path).unwrap();
    }
}
