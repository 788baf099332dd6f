//! The loop of a live capture.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::alarm_command::AlarmCommand;
use super::kernel_log::KernelLogWatch;
use super::limits::CaptureLimits;
use super::{PACKET_TIMEOUT, Signals, print_message};
use crate::commands::Failure;
use crate::commands::pipeline::Pipeline;
use dxgtrace_file::recording::{OutputQueue, RecordingProgress};
use dxgtrace_live::Live;
use dxgtrace_protocol::record::header::{LostPackets, RecordKind};
use dxgtrace_session::entry::Totals;

/// Interval at which the conditions to stop are checked while packets come.
const TICK: Duration = Duration::from_millis(20);
/// Interval at which unanswered requests are checked.
const STALL_TICK: Duration = Duration::from_millis(250);

/// Controls a capture: limits, signals, the state of its output.
pub struct CaptureControl {
    limits: CaptureLimits,
    queue: Option<OutputQueue>,
    progress: Rc<RecordingProgress>,
    /// Time without a reply after which the flight recorder writes.
    pub stall: Option<Duration>,
    /// The capture files, for the closing line.
    pub written: Option<OutputFiles>,
    /// The kernel log, of which matching lines make the flight recorder write.
    pub kernel_log: Option<KernelLogWatch>,
    /// The command that is run for each file of the flight recorder.
    pub command: Option<AlarmCommand>,
    /// Signals that end the capture or make the flight recorder write.
    pub signals: Option<Signals>,
}

impl CaptureControl {
    /// A capture up to `limits` whose output passes through `queue`, if there is one.
    pub fn new(
        limits: CaptureLimits,
        queue: Option<OutputQueue>,
        progress: Rc<RecordingProgress>,
    ) -> Self {
        Self {
            limits,
            queue,
            progress,
            stall: None,
            written: None,
            kernel_log: None,
            command: None,
            signals: None,
        }
    }

    /// A capture without limits and queue. The closing line names the file `written`.
    pub fn unlimited(written: Option<PathBuf>) -> Self {
        Self {
            written: written.map(OutputFiles::One),
            ..Self::new(CaptureLimits::none(), None, Rc::default())
        }
    }

    /// Prints the notices of the sink, and runs the command for the files that it saved.
    fn handle_progress(&mut self) {
        for notice in self.progress.notices.take() {
            print_message(&notice);
        }
        for saved in self.progress.saved.take() {
            if let Some(command) = &mut self.command {
                command.run(&saved);
            }
        }
    }
}

/// The result of a capture.
pub struct CaptureOutcome {
    totals: Totals,
    kernel: dxgtrace_live::LiveTotals,
    unfollowed: u64,
    written: Option<OutputFiles>,
    files: u64,
}

/// The capture files that are written.
pub enum OutputFiles {
    /// This file.
    One(PathBuf),
    /// Numbered files named after this one.
    Several(PathBuf),
}

impl CaptureOutcome {
    /// The closing line.
    pub fn closing_line(&self) -> String {
        let Totals {
            messages,
            shown_messages,
            exchanges,
            unanswered,
            refused,
            refused_attempts,
            cut,
            ..
        } = self.totals;
        let LostPackets {
            ring_full,
            missed_probes,
            user_queue,
            unreadable,
        } = self.kernel.lost;
        let mut text = format!(
            "{messages} messages captured / {shown_messages} matched / {} lost (kernel ring: {ring_full}, \
             missed probes: {missed_probes}, user queue: {user_queue}, unreadable: {unreadable}); \
             {exchanges} exchanges, {unanswered} unanswered",
            self.kernel.lost.total()
        );
        if refused_attempts > 0 || refused > 0 {
            text += &format!(
                ", {refused_attempts} attempts to send refused, {refused} messages never sent"
            );
        }
        if cut > 0 {
            text += &format!(", {cut} cut");
        }
        for (count, what) in [
            (self.kernel.returns_lost, "return values not seen"),
            (
                self.kernel.ioctls.saturating_sub(self.kernel.ioctl_ends),
                "ioctls whose end was not seen",
            ),
            (
                self.kernel.skipped.unwrap_or(0),
                "calls on channels of any device skipped by the kernel",
            ),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        if self.kernel.skipped.is_none() {
            text += ", what the kernel skipped is not known";
        }
        if self.unfollowed > 0 {
            text += &format!(", {} children not followed", self.unfollowed);
        }
        match (&self.written, self.files) {
            (Some(OutputFiles::One(file)), _) => text += &format!(", saved in {}", file.display()),
            (Some(OutputFiles::Several(_)), 0) => text += ", nothing saved",
            (Some(OutputFiles::Several(file)), files) => {
                let word = if files == 1 { "file" } else { "files" };
                text += &format!(", saved in {files} {word} named after {}", file.display());
            }
            (None, _) => {}
        }
        text
    }
}

/// Passes packets to the pipeline until a limit is reached or `stop` returns true. Then
/// stops the capture, and passes on the packets that the probe has written by then.
///
/// # Errors
/// The capture breaks, or writing to the output fails.
pub fn capture_packets(
    mut live: Live,
    mut pipeline: Pipeline<'_>,
    mut control: CaptureControl,
    stop: &mut dyn FnMut() -> bool,
) -> Result<CaptureOutcome, Failure> {
    let failed = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    let deadline = control.limits.deadline();
    let mut messages_left = control.limits.messages;
    let mut ticked = Instant::now();
    let mut stall = control.stall.map(StallWatch::new);
    let mut stopped = false;
    let mut dropped = 0;
    while messages_left > 0 && !control.limits.files_full(&control.progress) {
        if !stopped && ticked.elapsed() >= TICK {
            ticked = Instant::now();
            if let Some(stall) = &mut stall {
                stall.check(&pipeline, live.now(), &control.progress);
            }
            if control.signals.as_ref().is_some_and(Signals::take_write) {
                control.progress.request_write(|| "SIGUSR1".to_owned());
            }
            if let Some(log) = &mut control.kernel_log {
                log.check(&control.progress);
            }
            control.handle_progress();
            if stop() || deadline.is_some_and(|deadline| ticked >= deadline) {
                live.stop();
                stopped = true;
            }
        }
        let full = control.queue.as_ref().is_some_and(OutputQueue::is_full);
        if dropped > 0 && !full {
            live.note_lost(LostPackets {
                user_queue: std::mem::take(&mut dropped),
                ..LostPackets::default()
            });
        }
        match live.next(PACKET_TIMEOUT).map_err(failed)? {
            // A record of losses is small, and is never dropped.
            Some(delivery) if full && delivery.packet.header.kind != RecordKind::Lost => {
                dropped += 1
            }
            Some(delivery) => {
                let taken = pipeline
                    .on_packet(&delivery.packet, delivery.channels)
                    .map_err(Failure::output)?;
                messages_left -=
                    u64::from(taken && delivery.packet.header.kind == RecordKind::Packet);
            }
            None if !stopped => {
                print_module_changes(&mut live);
                pipeline.on_idle().map_err(Failure::output)?;
            }
            None if dropped > 0 => live.note_lost(LostPackets {
                user_queue: std::mem::take(&mut dropped),
                ..LostPackets::default()
            }),
            None => break,
        }
    }
    live.stop();
    let totals = pipeline.finish().map_err(Failure::output)?;
    control.handle_progress();
    let signals = control.signals.as_ref();
    let mut give_up = || signals.is_some_and(Signals::take_stop);
    if let Some(command) = control.command {
        command.finish(&mut give_up);
    }
    if let Some(queue) = &control.queue {
        queue.finish(&mut give_up).map_err(Failure::output)?;
    }
    Ok(CaptureOutcome {
        totals,
        kernel: live.totals(),
        unfollowed: live.unfollowed(),
        written: control.written,
        files: control.progress.files.get(),
    })
}

/// Finds requests that have waited too long. Each is reported once.
struct StallWatch {
    timeout: u64,
    checked: Instant,
    /// Packet number of the latest request that was reported.
    reported: u64,
}

impl StallWatch {
    fn new(timeout: Duration) -> Self {
        Self {
            timeout: u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
            checked: Instant::now(),
            reported: 0,
        }
    }

    fn check(&mut self, pipeline: &Pipeline<'_>, now: u64, progress: &RecordingProgress) {
        if self.checked.elapsed() < STALL_TICK {
            return;
        }
        self.checked = Instant::now();
        for request in pipeline.session().waiting_requests() {
            let waits = now.saturating_sub(request.time);
            if request.number > self.reported && waits >= self.timeout {
                self.reported = request.number;
                let seconds = waits as f64 / 1e9;
                progress.request_write(|| {
                    let (name, number) = (request.name(), request.number);
                    format!("{name} (packet {number}) waits for {seconds:.1} s")
                });
            }
        }
    }
}

/// Prints which modules were loaded or unloaded.
fn print_module_changes(live: &mut Live) {
    for change in live.changes() {
        let module = change.module;
        let ioctls = match live.sees_ioctls() {
            true => "; ioctls are seen from now on",
            false => "",
        };
        match change.loaded {
            true => print_message(&format!(
                "{module} is loaded; capturing by {}{ioctls}",
                live.describe_hooks()
            )),
            false => print_message(&format!("{module} is unloaded; waiting for it")),
        }
    }
}
