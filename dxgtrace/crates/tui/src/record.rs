//! A live capture in a thread of its own: writes into the file that the screen
//! reads.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};

use super::source::Recording;
use super::spill::SpillFile;

/// How long to wait for a packet, and how long one may wait for the screen.
const PATIENCE: Duration = Duration::from_millis(20);
/// Bytes collected before they go out.
const COLLECT: usize = 1 << 16;

/// A packet of a live capture, and the channels known so far.
pub type LivePacket<'a> = (Packet<'a>, &'a [Channel]);

/// Where live packets come from.
pub trait PacketSource {
    /// The next packet, or `None` if none comes within `timeout`.
    ///
    /// # Errors
    /// The capture has broken.
    fn next(&mut self, timeout: Duration) -> io::Result<Option<LivePacket<'_>>>;

    /// Ends the capture. What is on its way is still delivered.
    fn stop(&mut self);

    /// Whether there will be no more packets by itself.
    fn is_over(&mut self) -> bool;

    /// How the driver is hooked.
    fn backend(&self) -> String;

    /// Packets that were lost so far.
    fn lost(&self) -> u64;
}

/// The thread that records. Dropping it ends the capture and the file.
pub struct Recorder {
    recording: Recording,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins: `open` runs in the new thread, and what its source gives goes into its
    /// file. Beyond `bound` bytes, the oldest packets are dropped.
    ///
    /// # Errors
    /// What `open` says.
    pub fn start<T, E, F>(bound: Option<u64>, open: F) -> Result<Self, E>
    where
        T: PacketSource,
        E: Send + 'static,
        F: FnOnce() -> Result<(T, File), E> + Send + 'static,
    {
        let recording = Recording::new();
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, begins) = channel();
        let (ours, stopped) = (recording.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            run(bound, open, &begun, &ours, &stopped);
        });
        match begins.recv() {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(Self {
                recording,
                stop,
                thread: Some(thread),
            }),
        }
    }

    /// The side that the screen sees.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so; the file is whole up to then.
            let _ = thread.join();
        }
    }
}

fn run<T: PacketSource, E, F: FnOnce() -> Result<(T, File), E>>(
    bound: Option<u64>,
    open: F,
    begun: &Sender<Result<(), E>>,
    recording: &Recording,
    stop: &AtomicBool,
) {
    let (mut source, file) = match open() {
        Ok(opened) => opened,
        Err(error) => {
            let _ = begun.send(Err(error));
            return;
        }
    };
    recording.tell(|status| status.backend = source.backend());
    let _ = begun.send(Ok(()));
    let result = record(SpillFile::new(file, bound), &mut source, recording, stop);
    recording.tell(|status| {
        status.ended = true;
        status.lost = source.lost();
        status.error = result.err().map(|error| error.to_string());
    });
    recording.growth.end();
}

fn record(
    mut spill: SpillFile,
    source: &mut impl PacketSource,
    recording: &Recording,
    stop: &AtomicBool,
) -> io::Result<()> {
    let file = spill.file().try_clone()?;
    let mut writer = Writer::new(
        file,
        &CaptureOrigin::default(),
        FlushPolicy::Collect(COLLECT),
    )?;
    let mut flushed = Instant::now();
    let mut stopped = false;
    loop {
        if !stopped && (stop.load(Ordering::Relaxed) || source.is_over()) {
            source.stop();
            stopped = true;
        }
        let came = match source.next(PATIENCE)? {
            Some((packet, channels)) => {
                let (start, known) = (writer.bytes(), writer.interfaces());
                writer.write(&packet, channels, &[])?;
                spill.wrote(start..writer.bytes(), writer.interfaces() > known);
                true
            }
            None => false,
        };
        if !came || flushed.elapsed() >= PATIENCE {
            writer.flush()?;
            recording.growth.written(writer.bytes());
            let dropped = spill.keep_to_bound(recording.growth.read())?;
            recording.tell(|status| {
                status.lost = source.lost();
                status.dropped = dropped;
            });
            flushed = Instant::now();
        }
        if stopped && !came {
            break;
        }
    }
    let bytes = writer.finish()?.metadata()?.len();
    recording.growth.written(bytes);
    Ok(())
}
