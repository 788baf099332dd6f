//! The flight recorder: holds the latest entries in memory, and writes them to
//! a file of their own when something happens.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::rotation::FileExtent;
use super::{NumberedFiles, Outlet, RecordingProgress};
use crate::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::RecordHeader;
use dxgtrace_session::check::{Code, Finding, Severity};
use dxgtrace_session::entry::{Entry, Sink, Totals};

/// Bytes that are held if nothing else is said.
pub const HELD_BYTES: u64 = 64 << 20;
/// Between two files there is at least so much time. What happens earlier is
/// written then, together with what came in between.
const PAUSE: Duration = Duration::from_secs(10);
/// What a held packet takes besides its bytes, about.
const OVERHEAD: u64 = size_of::<HeldPacket>() as u64;

/// What a finding must be to make the recorder write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlightAlarm {
    /// At least so severe.
    Severity(Severity),
    /// This one.
    Code(Code),
}

impl FlightAlarm {
    fn rings(self, finding: &Finding) -> bool {
        match self {
            Self::Severity(least) => finding.severity() >= least,
            Self::Code(code) => finding.code() == code,
        }
    }
}

/// A packet that is held.
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

/// Holds entries, and writes them when told to.
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
    /// When the latest file was written.
    written: Option<Instant>,
}

impl FlightRecorder {
    /// Holds what `extent` allows, and writes to `files` when one of `alarms`
    /// rings, when [`RecordingProgress::wanted`] says so, and `at_end`.
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
        self.forget(packet.time);
    }

    /// Lets go of what is beyond the bounds.
    fn forget(&mut self, now: u64) {
        let bytes = self.extent.bytes.unwrap_or(HELD_BYTES);
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
        }
    }

    /// Writes if that is wanted, unless it was done a moment ago.
    fn write_if_wanted(&mut self) -> io::Result<()> {
        let due = self
            .written
            .is_none_or(|written| written.elapsed() >= PAUSE);
        if !due || self.progress.wanted.borrow().is_none() {
            return Ok(());
        }
        self.write()
    }

    /// Writes all that is held, and holds nothing any more.
    fn write(&mut self) -> io::Result<()> {
        let reason = self.progress.wanted.take().unwrap_or_default();
        let Some(last) = self.held.back() else {
            self.tell(format!("{reason}: there is nothing to write"));
            return Ok(());
        };
        let outlet = Outlet::new(self.files.create(last.time)?)?;
        let first = self.held.front().map_or(0, |held| held.number);
        let comment = format!(
            "Written by the flight recorder: {reason}. Findings count packets over the whole \
             capture: the first one here is {first}."
        );
        let mut writer =
            Writer::with_comment(outlet, &self.about, &comment, FlushPolicy::Collect(1 << 16))?;
        writer.describe_all(&self.channels)?;
        let count = self.held.len();
        for held in self.held.drain(..) {
            let packet = Packet {
                number: held.number,
                time: held.time,
                interface: held.interface,
                header: &held.header,
                payload: &held.payload,
            };
            writer.write(&packet, &self.channels, &held.comments)?;
        }
        self.bytes = 0;
        writer.finish()?;
        self.written = Some(Instant::now());
        self.progress.files.set(self.files.made());
        let name = self.files.latest().map(|path| path.display().to_string());
        let name = name.unwrap_or_default();
        self.tell(format!("{reason}: {count} packets written to {name}"));
        self.files.remove_surplus();
        Ok(())
    }

    fn tell(&self, notice: String) {
        self.progress.notices.borrow_mut().push(notice);
    }
}

impl Sink for FlightRecorder {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.hold(entry);
        let rung = entry
            .findings
            .iter()
            .find(|finding| self.alarms.iter().any(|alarm| alarm.rings(finding)));
        if let Some(finding) = rung {
            let code = finding.code().word();
            self.progress
                .want(|| format!("{code} in packet {}", entry.packet.number));
        }
        self.write_if_wanted()
    }

    fn finding(&mut self, _: u64, _: &Finding) -> io::Result<()> {
        // What was never answered is known at the end only; a stall tells it before.
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        self.write_if_wanted()
    }

    fn end(&mut self, _: &Totals) -> io::Result<()> {
        if self.at_end {
            self.progress.want(|| "the end".to_owned());
        }
        // What was put off is written now.
        if self.progress.wanted.borrow().is_some() {
            self.write()?;
        }
        Ok(())
    }
}
