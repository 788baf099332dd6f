//! Opens the outputs of `dxgtrace capture`.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::alarm_command::AlarmCommand;
use super::capture_loop::{CaptureControl, OutputFiles};
use super::kernel_log::KernelLogWatch;
use super::limits::{CaptureLimits, extent};
use crate::commands::Failure;
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{CaptureArgs, FlightTrigger, Limit};
use crate::commands::show_output::ShowOutput;
use dxgtrace_file::CaptureOrigin;
use dxgtrace_file::recording::{
    CaptureOutput, FileExtent, FlightAlarm, FlightRecorder, NumberedFiles, OutputTarget,
    RecordingProgress, Rotation,
};
use dxgtrace_query::filter::Filter;
use dxgtrace_session::check::{Code, Severity};
use dxgtrace_session::entry::Sink;
use regex::bytes::Regex;

/// The kernel log that is watched by default.
const KERNEL_LOG: &str = "/dev/kmsg";
/// Default number of files that the flight recorder keeps.
const FLIGHT_FILES: u64 = 100;

/// The parsed arguments of the output, with nothing opened yet.
pub struct OutputPlan<'a> {
    args: &'a CaptureArgs,
    kind: OutputKind,
}

enum OutputKind {
    /// Lines on standard output, or nothing.
    Lines,
    /// Capture files.
    Files(NumberedFiles, FileExtent),
    /// Capture files that the flight recorder writes.
    Flight(NumberedFiles, FileExtent, Vec<FlightAlarm>),
}

impl<'a> OutputPlan<'a> {
    /// Parses the arguments.
    ///
    /// # Errors
    /// They are invalid.
    pub fn new(args: &'a CaptureArgs) -> Result<Self, Failure> {
        let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
        let kind = match &args.write {
            None => OutputKind::Lines,
            Some(path) if is_stdout(path) && !(args.ring.is_empty() && args.keep.is_empty()) => {
                return usage("-b and --keep need the name of a file");
            }
            Some(path) if !args.keep.is_empty() => {
                let (extent, files) = extent(&args.keep);
                let files = NumberedFiles::new(path, Some(files.unwrap_or(FLIGHT_FILES)));
                // Reports a wrong pattern before anything is opened.
                patterns(&args.when)?;
                OutputKind::Flight(files, extent, alarms(&args.when)?)
            }
            Some(path) if !args.ring.is_empty() => {
                let (extent, files) = extent(&args.ring);
                if extent.is_unlimited() {
                    return usage(
                        "-b files:N needs to know when a file is full: \
                         -b filesize:KB, duration:SECONDS or packets:N",
                    );
                }
                OutputKind::Files(NumberedFiles::new(path, files), extent)
            }
            Some(path) => {
                let bytes = args.stop.iter().find_map(|stop| match stop {
                    Limit::Bytes(bytes) => Some(*bytes),
                    _ => None,
                });
                let extent = FileExtent {
                    bytes,
                    ..FileExtent::default()
                };
                OutputKind::Files(NumberedFiles::single(path), extent)
            }
        };
        Ok(Self { args, kind })
    }

    /// Opens the first file, or standard output, and what else needs rights.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn prepare(mut self) -> Result<PreparedOutput<'a>, Failure> {
        let target = match &mut self.kind {
            OutputKind::Files(files, _) if !self.args.write.as_deref().is_some_and(is_stdout) => {
                let created = files.create(unix_time());
                Some(created.map_err(|error| Failure::Input(error.to_string()))?)
            }
            OutputKind::Files(..) => Some(stdout()?),
            OutputKind::Lines if !self.args.show.quiet => Some(stdout()?),
            OutputKind::Lines | OutputKind::Flight(..) => None,
        };
        let patterns = patterns(&self.args.when)?;
        let log = self.args.kernel_log.as_deref();
        let log = log.unwrap_or(Path::new(KERNEL_LOG));
        let kernel_log = match patterns.is_empty() {
            true => None,
            false => Some(KernelLogWatch::open(log, patterns).map_err(|error| {
                let log = log.display();
                Failure::Attach(format!("cannot read the kernel log {log}: {error}"))
            })?),
        };
        let command = match self.args.run.as_slice() {
            [] => None,
            command => Some(AlarmCommand::prepare(command, self.args.silent)?),
        };
        Ok(PreparedOutput {
            plan: self,
            target,
            kernel_log,
            command,
        })
    }
}

/// The open output.
pub struct OpenedOutput {
    /// The filter of packets.
    pub filter: Filter,
    /// The sinks of packets.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The control of the capture loop.
    pub control: CaptureControl,
}

/// An output whose first file is open.
pub struct PreparedOutput<'a> {
    plan: OutputPlan<'a>,
    target: Option<OutputTarget>,
    kernel_log: Option<KernelLogWatch>,
    command: Option<AlarmCommand>,
}

impl PreparedOutput<'_> {
    /// Starts to write. `hooks` describes how the driver is hooked.
    ///
    /// # Errors
    /// Writing to the output fails.
    pub fn open(
        self,
        show_output: ShowOutput,
        color: ColorArg,
        limits: CaptureLimits,
        hooks: &str,
    ) -> Result<OpenedOutput, Failure> {
        let mut about = CaptureOrigin::default();
        about.application += &format!(", captured by {hooks}");
        let progress = Rc::<RecordingProgress>::default();
        let output = match self.target {
            Some(target) => Some(CaptureOutput::new(target).map_err(Failure::output)?),
            None => None,
        };
        let args = self.plan.args;
        let mut control = CaptureControl::new(
            limits,
            output.as_ref().and_then(CaptureOutput::queue),
            progress.clone(),
        );
        control.stall = args.when.iter().find_map(|when| match when {
            FlightTrigger::Stall(stall) => Some(*stall),
            _ => None,
        });
        control.kernel_log = self.kernel_log;
        control.command = self.command;
        control.written = match &self.plan.kind {
            OutputKind::Files(..) if args.ring.is_empty() => args
                .write
                .clone()
                .filter(|path| !is_stdout(path))
                .map(OutputFiles::One),
            OutputKind::Files(..) | OutputKind::Flight(..) => {
                args.write.clone().map(OutputFiles::Several)
            }
            OutputKind::Lines => None,
        };
        let to_stdout = args.write.as_deref().is_some_and(is_stdout);
        let printed =
            (args.show.print && !args.show.quiet && !to_stdout).then(|| show_output.clone());
        let (filter, sink): (_, Option<Box<dyn Sink>>) = match (self.plan.kind, output) {
            (OutputKind::Files(files, extent), Some(output)) => {
                let rotation = Rotation::new(output, files, extent, about, progress);
                let sink = Box::new(rotation.map_err(Failure::output)?);
                (show_output.into_filter(), Some(sink))
            }
            (OutputKind::Flight(files, extent, alarms), _) => {
                let at_end = args.when.contains(&FlightTrigger::End);
                let flight = FlightRecorder::new(files, extent, alarms, at_end, about, progress);
                (show_output.into_filter(), Some(Box::new(flight)))
            }
            (OutputKind::Lines, Some(output)) => {
                let (filter, sink) =
                    show_output.into_lines(Box::new(output), color, &format!("live by {hooks}"))?;
                (filter, Some(sink))
            }
            (OutputKind::Lines | OutputKind::Files(..), None) => (show_output.into_filter(), None),
        };
        let mut sinks: Vec<_> = sink.into_iter().collect();
        if let Some(show_output) = printed {
            let (_, lines) =
                show_output.into_lines(Box::new(io::stdout().lock()), color, "live")?;
            sinks.push(lines);
        }
        Ok(OpenedOutput {
            filter,
            sinks,
            control,
        })
    }
}

/// The findings at which the flight recorder writes.
fn alarms(when: &[FlightTrigger]) -> Result<Vec<FlightAlarm>, Failure> {
    if when.is_empty() {
        return Ok(vec![FlightAlarm::Severity(Severity::Error)]);
    }
    when.iter()
        .filter_map(|when| match when {
            FlightTrigger::Finding(word) => Some(alarm(word)),
            FlightTrigger::Stall(_) | FlightTrigger::Log(_) | FlightTrigger::End => None,
        })
        .collect()
}

/// The patterns for lines of the kernel log.
fn patterns(when: &[FlightTrigger]) -> Result<Vec<Regex>, Failure> {
    let patterns = when.iter().filter_map(|when| match when {
        FlightTrigger::Log(pattern) => Some(pattern),
        _ => None,
    });
    let compile = |pattern: &String| {
        let wrong = |error| Failure::Usage(format!("--when log:{pattern}: {error}"));
        Regex::new(pattern).map_err(wrong)
    };
    patterns.map(compile).collect()
}

fn alarm(word: &str) -> Result<FlightAlarm, Failure> {
    let severity = Severity::ALL
        .iter()
        .find(|severity| severity.name() == word);
    let code = || Code::by_word(word).map(FlightAlarm::Code);
    severity
        .map(|severity| FlightAlarm::Severity(*severity))
        .or_else(code)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "--when finding:{word}: no severity (chat, note, warn, error) and no code; \
                 docs/findings.md lists the codes"
            ))
        })
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Standard output without a buffer.
fn stdout() -> Result<OutputTarget, Failure> {
    let fd = io::stdout().as_fd().try_clone_to_owned();
    Ok(OutputTarget {
        file: File::from(fd.map_err(Failure::output)?),
        name: "standard output".to_owned(),
        created: false,
    })
}

fn unix_time() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
