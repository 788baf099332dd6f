//! The flight recorder: keeps the latest entries in memory and writes them to a
//! new file when a finding of a chosen kind occurs or the user asks for it.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::rotation::FileExtent;
use super::{CaptureOutput, NumberedFiles, RecordingProgress, SavedFile};
use crate::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::RecordHeader;
use dxgtrace_session::check::{Code, Finding, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Default limit of the entries kept in memory, in bytes.
pub const DEFAULT_HELD_BYTES: u64 = 64 << 20;
/// Shortest time between two files. For a file requested earlier, what is held at
/// that moment is set aside, and written when this time has passed.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// Approximate memory of a held packet besides payload and comments, in bytes.
const OVERHEAD: u64 = size_of::<HeldPacket>() as u64;

/// Which findings make the recorder write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlightAlarm {
    /// Findings of this severity or worse.
    Severity(Severity),
    /// Findings with this code.
    Code(Code),
}

impl FlightAlarm {
    fn matches(self, finding: &Finding) -> bool {
        match self {
            Self::Severity(least) => finding.severity() >= least,
            Self::Code(code) => finding.code() == code,
        }
    }
}

/// A packet kept in memory.
struct HeldPacket {
    number: u64,
    time: u64,
    interface: u32,
    header: RecordHeader,
    payload: Box<[u8]>,
    comments: Vec<String>,
}

impl HeldPacket {
    fn bytes(&self) -> u64 {
        let comments: usize = self.comments.iter().map(String::len).sum();
        OVERHEAD + (self.payload.len() + comments) as u64
    }
}

/// A sink that keeps the latest entries, and writes them to files on request.
pub struct FlightRecorder {
    files: NumberedFiles,
    extent: FileExtent,
    alarms: Vec<FlightAlarm>,
    at_end: bool,
    about: CaptureOrigin,
    progress: Rc<RecordingProgress>,
    channels: Vec<Channel>,
    held: VecDeque<HeldPacket>,
    bytes: u64,
    /// What was held when a file was requested that has to wait for
    /// [`MIN_INTERVAL`], and whether `held` goes on where it ends.
    set_aside: Option<VecDeque<HeldPacket>>,
    continues: bool,
    /// Time of the latest file.
    written: Option<Instant>,
}

impl FlightRecorder {
    /// Keeps as many entries as `extent` allows. Writes them to the next of
    /// `files` when a finding matches one of `alarms`, when
    /// [`RecordingProgress::write_reason`] is set, and, if `at_end`, when the
    /// capture ends. Every file names `about` in its header.
    pub fn new(
        files: NumberedFiles,
        extent: FileExtent,
        alarms: Vec<FlightAlarm>,
        at_end: bool,
        about: CaptureOrigin,
        progress: Rc<RecordingProgress>,
    ) -> Self {
        Self {
            files,
            extent,
            alarms,
            at_end,
            about,
            progress,
            channels: Vec::new(),
            held: VecDeque::new(),
            bytes: 0,
            set_aside: None,
            continues: false,
            written: None,
        }
    }

    fn hold(&mut self, entry: &Entry<'_>) {
        if self.channels.len() < entry.channels.len() {
            self.channels = entry.channels.to_vec();
        }
        let packet = entry.packet;
        let held = HeldPacket {
            number: packet.number,
            time: packet.time,
            interface: packet.interface,
            header: *packet.header,
            payload: packet.payload.into(),
            comments: entry.findings.iter().map(Finding::comment).collect(),
        };
        self.bytes += held.bytes();
        self.held.push_back(held);
        self.drop_excess(packet.time);
    }

    /// Drops the oldest entries until the rest is within the limits. `now` is
    /// the time of the newest entry, in nanoseconds since 1970.
    fn drop_excess(&mut self, now: u64) {
        let bytes = self.extent.bytes.unwrap_or(DEFAULT_HELD_BYTES);
        let records = self.extent.records.unwrap_or(u64::MAX);
        let age = self.extent.duration.map_or(u64::MAX, |age| {
            u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
        });
        while let Some(first) = self.held.front() {
            let old = now.saturating_sub(first.time) > age;
            if !old && self.bytes <= bytes && self.held.len() as u64 <= records {
                break;
            }
            self.bytes -= first.bytes();
            self.held.pop_front();
            self.continues = false;
        }
    }

    /// Writes a file if one is requested and [`MIN_INTERVAL`] has passed.
    fn write_if_requested(&mut self) -> io::Result<()> {
        if self.progress.write_reason.borrow().is_none() {
            return Ok(());
        }
        let due = self
            .written
            .is_none_or(|written| written.elapsed() >= MIN_INTERVAL);
        if due {
            return self.write();
        }
        if self.set_aside.is_none() {
            // The packet that the reason names must not be dropped meanwhile.
            self.set_aside = Some(std::mem::take(&mut self.held));
            self.bytes = 0;
            self.continues = true;
        }
        Ok(())
    }

    /// The entries of the next file, which are dropped: those that were set aside,
    /// and those held now if none is missing in between.
    fn take_packets(&mut self) -> VecDeque<HeldPacket> {
        let mut packets = self.set_aside.take().unwrap_or_default();
        if packets.is_empty() || self.continues {
            packets.append(&mut self.held);
            self.bytes = 0;
        }
        packets
    }

    /// Writes entries to the next file and drops them.
    fn write(&mut self) -> io::Result<()> {
        let reason = self.progress.write_reason.take().unwrap_or_default();
        let packets = self.take_packets();
        let (Some(front), Some(back)) = (packets.front(), packets.back()) else {
            self.notify(format!("{reason}: there is nothing to write"));
            return Ok(());
        };
        let output = CaptureOutput::new(self.files.create(back.time)?)?;
        let first = front.number;
        let comment = format!(
            "Written by the flight recorder: {reason}. Findings count packets over the whole \
             capture: the first one here is {first}."
        );
        let mut writer =
            Writer::with_comment(output, &self.about, &comment, FlushPolicy::Collect(1 << 16))?;
        writer.describe_all(&self.channels)?;
        let count = packets.len();
        for held in packets {
            let packet = Packet {
                number: held.number,
                time: held.time,
                interface: held.interface,
                header: &held.header,
                payload: &held.payload,
            };
            writer.write(&packet, &self.channels, &held.comments)?;
        }
        writer.finish()?;
        self.written = Some(Instant::now());
        self.progress.files.set(self.files.created());
        let path = self.files.latest().map(Path::to_owned).unwrap_or_default();
        let name = path.display();
        self.notify(format!("{reason}: {count} packets written to {name}"));
        self.progress
            .saved
            .borrow_mut()
            .push(SavedFile { path, reason });
        self.files.remove_surplus();
        Ok(())
    }

    fn notify(&self, notice: String) {
        self.progress.notices.borrow_mut().push(notice);
    }
}

impl Sink for FlightRecorder {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.hold(entry);
        let trigger = entry
            .findings
            .iter()
            .find(|finding| self.alarms.iter().any(|alarm| alarm.matches(finding)));
        if let Some(finding) = trigger {
            let code = finding.code().word();
            self.progress
                .request_write(|| format!("{code} in packet {}", entry.packet.number));
        }
        self.write_if_requested()
    }

    fn finding(&mut self, _: u64, _: &Finding) -> io::Result<()> {
        // Raised at the end of the capture only, for unanswered requests. The
        // capture loop watches for these itself (`stall:SECONDS`).
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.write_if_requested()
    }

    fn end(&mut self, _: &Totals) -> io::Result<()> {
        let deferred = self.progress.write_reason.borrow().is_some();
        if deferred {
            self.write()?;
        }
        if self.at_end && !(deferred && self.held.is_empty()) {
            self.progress.request_write(|| "the end".to_owned());
            self.write()?;
        }
        Ok(())
    }
}
