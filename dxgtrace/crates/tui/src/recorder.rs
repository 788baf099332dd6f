//! The thread of a live capture: takes packets from a [`PacketSource`] and writes
//! them to the file that the screen reads.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};

use super::capture_source::Recording;
use super::spill_file::SpillFile;

/// Longest wait for a packet, and longest time until a packet is in the file.
const FLUSH_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes collected before they are written.
const COLLECT: usize = 1 << 16;

/// A packet of a live capture, and the channels known so far.
pub type LivePacket<'a> = (Packet<'a>, &'a [Channel]);

/// A source of live packets.
pub trait PacketSource {
    /// The next packet, or `None` if none comes within `timeout`.
    ///
    /// # Errors
    /// The capture has failed.
    fn next(&mut self, timeout: Duration) -> io::Result<Option<LivePacket<'_>>>;

    /// Stops the capture. [`PacketSource::next`] still returns the packets
    /// captured before.
    fn stop(&mut self);

    /// Whether the capture has ended by itself, such as with a traced program.
    fn is_over(&mut self) -> bool;

    /// How the driver is hooked, for display.
    fn backend(&self) -> String;

    /// Number of packets lost so far.
    fn lost(&self) -> u64;
}

/// Handle of the capture thread. Dropping it stops the capture, completes the
/// file and joins the thread.
pub struct Recorder {
    recording: Recording,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread. It calls `open` for the source and the file, and writes
    /// the packets of the one to the other. `limit` is the size of the file in
    /// bytes beyond which the oldest packets are dropped; `None` is unlimited.
    ///
    /// # Errors
    /// The error of `open`.
    pub fn start<T, E, F>(limit: Option<u64>, open: F) -> Result<Self, E>
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
            run(limit, open, &begun, &ours, &stopped);
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

    /// The state that the screen reads.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed; the file is valid up to there.
            let _ = thread.join();
        }
    }
}

fn run<T: PacketSource, E, F: FnOnce() -> Result<(T, File), E>>(
    limit: Option<u64>,
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
    recording.update_status(|status| status.backend = source.backend());
    let _ = begun.send(Ok(()));
    let result = record(SpillFile::new(file, limit), &mut source, recording, stop);
    recording.update_status(|status| {
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
        let received = match source.next(FLUSH_INTERVAL)? {
            Some((packet, channels)) => {
                let (start, known) = (writer.bytes(), writer.interfaces());
                writer.write(&packet, channels, &[])?;
                spill.add_record(start..writer.bytes(), writer.interfaces() > known);
                true
            }
            None => false,
        };
        if !received || flushed.elapsed() >= FLUSH_INTERVAL {
            writer.flush()?;
            recording.growth.set_written(writer.bytes());
            let dropped = spill.drop_oldest(recording.growth.read())?;
            recording.update_status(|status| {
                status.lost = source.lost();
                status.dropped = dropped;
            });
            flushed = Instant::now();
        }
        if stopped && !received {
            break;
        }
    }
    let bytes = writer.finish()?.metadata()?.len();
    recording.growth.set_written(bytes);
    Ok(())
}
