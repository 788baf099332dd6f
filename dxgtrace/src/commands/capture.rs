//! `dxgtrace capture`: packets as they come.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::pipeline::Pipeline;
use super::show::Shown;
use super::{Exit, Failure};
use crate::capture::header::{Kind, Lost};
use crate::capture::live::{self, AttachError, Driver, Live, Options, Target};
use crate::cli::{Backend, CaptureArgs, Color, Stop};
use crate::output::Totals;

/// How long to wait for a packet before the output is flushed and the
/// conditions to stop are looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Captures until told to stop.
pub fn run(args: &CaptureArgs, color: Color) -> Result<Exit, Failure> {
    let options = options(args)?;
    let shown = Shown::new(&args.show)?;
    if shown.needs_replies() {
        return Err(Failure::Usage(
            "dxg.reply_in needs a file: a live request does not know its reply yet".to_owned(),
        ));
    }
    let limits = Limits::new(args);
    let stop = stop_flag()?;
    let live = Live::start(&options).map_err(attach)?;
    let (filter, sinks) = shown.into_parts(args.write.as_deref(), color, "live")?;
    say(&started(&live, args.stand_in.is_some()));
    let gone = |pid: u32| !Path::new(&format!("/proc/{pid}")).exists();
    let outcome = follow(live, Pipeline::new(filter, sinks), &limits, &mut || {
        stop.load(Ordering::Relaxed) || args.stand_in.is_some_and(gone)
    })?;
    say(&outcome.text(args.write.as_deref()));
    Ok(Exit::Fine)
}

/// When a capture ends by itself.
pub(super) struct Limits {
    messages: u64,
    until: Option<Instant>,
}

impl Limits {
    fn new(args: &CaptureArgs) -> Self {
        let mut limits = Self::none();
        limits.messages = args.count.unwrap_or(u64::MAX);
        for stop in &args.stop {
            match *stop {
                Stop::Packets(count) => limits.messages = limits.messages.min(count),
                Stop::Duration(duration) => limits.until = Instant::now().checked_add(duration),
            }
        }
        limits
    }

    /// It goes on until it is stopped.
    pub(super) fn none() -> Self {
        Self {
            messages: u64::MAX,
            until: None,
        }
    }
}

/// What a capture brought.
pub(super) struct Outcome {
    totals: Totals,
    kernel: live::Totals,
}

impl Outcome {
    /// The closing line.
    pub(super) fn text(&self, file: Option<&Path>) -> String {
        let Totals {
            messages,
            exchanges,
            unanswered,
            refused,
            refused_attempts,
            cut,
            ..
        } = self.totals;
        let Lost {
            ring_full,
            missed_probes,
            user_queue,
            unreadable,
        } = self.kernel.lost;
        let mut text = format!(
            "{messages} messages captured, {exchanges} exchanges, {unanswered} unanswered, \
             {} lost (ring full: {ring_full}, missed probes: {missed_probes}, \
             queue full: {user_queue}, unreadable: {unreadable})",
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
        if let Some(file) = file.filter(|file| *file != Path::new("-")) {
            text += &format!(", saved in {}", file.display());
        }
        text
    }
}

/// Hands on what comes until a limit is reached or `stop` says so; then ends
/// the capture without losing what is on its way.
pub(super) fn follow(
    mut live: Live,
    mut pipeline: Pipeline<'_>,
    limits: &Limits,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Outcome, Failure> {
    let failed = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    let mut left = limits.messages;
    let mut stopped = false;
    loop {
        if !stopped && (stop() || limits.until.is_some_and(|until| Instant::now() >= until)) {
            live.stop();
            stopped = true;
        }
        match live.next(PATIENCE).map_err(failed)? {
            Some(delivery) => {
                pipeline
                    .packet(&delivery.packet, delivery.channels)
                    .map_err(Failure::output)?;
                if delivery.packet.header.kind == Kind::Packet {
                    left -= 1;
                    if left == 0 {
                        break;
                    }
                }
            }
            None if stopped => break,
            None => pipeline.idle().map_err(Failure::output)?,
        }
    }
    live.stop();
    let totals = pipeline.end().map_err(Failure::output)?;
    Ok(Outcome {
        totals,
        kernel: live.totals(),
    })
}

/// A flag that SIGINT, SIGTERM and SIGHUP set.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, flag.clone())
            .map_err(|error| Failure::Attach(format!("cannot catch signals: {error}")))?;
    }
    Ok(flag)
}

/// A failure to attach.
pub(super) fn attach(error: AttachError) -> Failure {
    Failure::Attach(error.to_string())
}

/// A line for the person at the terminal; if nobody reads it, no matter.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "dxgtrace: {line}");
}

fn options(args: &CaptureArgs) -> Result<Options, Failure> {
    let mut options = Options {
        target: match (args.stand_in, args.backend) {
            (Some(pid), _) => Target::StandIn(pid),
            (None, backend) => Target::Driver(backend.map(|backend| match backend {
                Backend::Fentry => live::Backend::Fentry,
                Backend::Kprobe => live::Backend::Kprobe,
            })),
        },
        pids: args.pids.clone(),
        ..Options::default()
    };
    if let Some(mebibytes) = args.buffer {
        options.ring_bytes = mebibytes
            .checked_mul(1 << 20)
            .ok_or_else(|| Failure::Usage(format!("a buffer of {mebibytes} MiB is too large")))?;
    }
    if let Some(snap) = args.snap {
        options.snap_length = snap.min(options.snap_length);
    }
    if let Some(name) = &args.comm {
        let mut comm = [0; 16];
        // The kernel keeps 15 bytes of a name.
        for (place, byte) in comm.iter_mut().zip(name.bytes().take(15)) {
            *place = byte;
        }
        options.comm = Some(comm);
    }
    Ok(options)
}

/// What the capture hooks, in a line.
fn started(live: &Live, stand_in: bool) -> String {
    let backend = live.backend().name();
    match (live.driver(), stand_in) {
        (Driver::NotOffered, false) => {
            format!("capturing by {backend}; the host offers no GPU yet, waiting; Ctrl-C stops")
        }
        _ => format!("capturing by {backend}; Ctrl-C stops"),
    }
}
