//! The loop of a live capture.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::limits::CaptureLimits;
use super::{PATIENCE, Signals, say};
use crate::commands::Failure;
use crate::commands::pipeline::Pipeline;
use dxgtrace_file::recording::{OutputQueue, RecordingProgress};
use dxgtrace_live::Live;
use dxgtrace_protocol::record::header::{LostPackets, RecordKind};
use dxgtrace_session::entry::Totals;
/// How often these are looked at while packets come.
const TICK: Duration = Duration::from_millis(20);
/// How often requests that wait are looked at.
const STALL_TICK: Duration = Duration::from_millis(250);

/// What steers and ends a capture, besides its packets.
pub struct CaptureControl {
    limits: CaptureLimits,
    queue: Option<OutputQueue>,
    progress: Rc<RecordingProgress>,
    /// Tell the flight recorder of requests that wait so long.
    pub stall: Option<Duration>,
    /// What is written.
    pub written: Option<OutputFiles>,
    /// Signals that end the capture, or make the flight recorder write.
    pub signals: Option<Signals>,
}

impl CaptureControl {
    /// Until `limits`, through `queue` if there is one.
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
            signals: None,
        }
    }

    /// Straight on, until stopped; what is written is named at the end.
    pub fn plain(written: Option<PathBuf>) -> Self {
        Self {
            written: written.map(OutputFiles::One),
            ..Self::new(CaptureLimits::none(), None, Rc::default())
        }
    }

    fn tell_notices(&self) {
        for notice in self.progress.notices.take() {
            say(&notice);
        }
    }
}

/// What a capture brought.
pub struct CaptureOutcome {
    totals: Totals,
    kernel: dxgtrace_live::LiveTotals,
    unfollowed: u64,
    written: Option<OutputFiles>,
    files: u64,
}

/// What is written.
pub enum OutputFiles {
    /// This file.
    One(PathBuf),
    /// Numbered files named after this one.
    Several(PathBuf),
}

impl CaptureOutcome {
    /// The closing line.
    pub fn text(&self) -> String {
        let Totals {
            messages,
            matched,
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
            "{messages} messages captured / {matched} matched / {} lost (kernel ring: {ring_full}, \
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

/// Hands on what comes until a limit is reached or `stop` says so; then ends
/// the capture without losing what is on its way.
///
/// # Errors
/// The capture breaks, or the output refuses.
pub fn follow(
    mut live: Live,
    mut pipeline: Pipeline<'_>,
    control: CaptureControl,
    stop: &mut dyn FnMut() -> bool,
) -> Result<CaptureOutcome, Failure> {
    let failed = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    let until = control.limits.until();
    let mut left = control.limits.messages;
    let mut ticked = Instant::now();
    let mut stall = control.stall.map(StallWatch::new);
    let mut stopped = false;
    let mut left_out = 0;
    while left > 0 && !control.limits.files_full(&control.progress) {
        if !stopped && ticked.elapsed() >= TICK {
            ticked = Instant::now();
            if let Some(stall) = &mut stall {
                stall.look(&pipeline, live.now(), &control.progress);
            }
            if control.signals.as_ref().is_some_and(Signals::write) {
                control.progress.request_write(|| "SIGUSR1".to_owned());
            }
            control.tell_notices();
            if stop() || until.is_some_and(|until| ticked >= until) {
                live.stop();
                stopped = true;
            }
        }
        let full = control.queue.as_ref().is_some_and(OutputQueue::is_full);
        if left_out > 0 && !full {
            live.note_lost(LostPackets {
                user_queue: std::mem::take(&mut left_out),
                ..LostPackets::default()
            });
        }
        match live.next(PATIENCE).map_err(failed)? {
            // A loss is small, and has to be told.
            Some(delivery) if full && delivery.packet.header.kind != RecordKind::Lost => {
                left_out += 1
            }
            Some(delivery) => {
                let taken = pipeline
                    .packet(&delivery.packet, delivery.channels)
                    .map_err(Failure::output)?;
                left -= u64::from(taken && delivery.packet.header.kind == RecordKind::Packet);
            }
            None if !stopped => {
                tell(&mut live);
                pipeline.idle().map_err(Failure::output)?;
            }
            None if left_out > 0 => live.note_lost(LostPackets {
                user_queue: std::mem::take(&mut left_out),
                ..LostPackets::default()
            }),
            None => break,
        }
    }
    live.stop();
    let totals = pipeline.end().map_err(Failure::output)?;
    control.tell_notices();
    if let Some(queue) = &control.queue {
        let signals = control.signals.as_ref();
        let mut give_up = || signals.is_some_and(Signals::stop);
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

/// Looks for requests that have waited too long. Each is told once.
struct StallWatch {
    patience: u64,
    looked: Instant,
    /// Number of the latest request that was told.
    told: u64,
}

impl StallWatch {
    fn new(patience: Duration) -> Self {
        Self {
            patience: u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX),
            looked: Instant::now(),
            told: 0,
        }
    }

    fn look(&mut self, pipeline: &Pipeline<'_>, now: u64, progress: &RecordingProgress) {
        if self.looked.elapsed() < STALL_TICK {
            return;
        }
        self.looked = Instant::now();
        for request in pipeline.session().waiting() {
            let waits = now.saturating_sub(request.time);
            if request.number > self.told && waits >= self.patience {
                self.told = request.number;
                let seconds = waits as f64 / 1e9;
                progress.request_write(|| {
                    let (name, number) = (request.name(), request.number);
                    format!("{name} (packet {number}) waits for {seconds:.1} s")
                });
            }
        }
    }
}

/// Tells of modules that came or went.
fn tell(live: &mut Live) {
    for change in live.changes() {
        let module = change.module;
        match change.loaded {
            true => say(&format!("{module} is loaded; capturing by {}", live.how())),
            false => say(&format!("{module} is unloaded; waiting for it")),
        }
    }
}
