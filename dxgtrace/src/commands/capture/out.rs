//! Where what is captured goes.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::Failure;
use super::super::show::Shown;
use super::follow::{Course, Written};
use super::limits::{Limits, extent};
use crate::cli::{CaptureArgs, Color, Limit, When};
use dxgtrace_file::About;
use dxgtrace_file::recording::{
    Alarm, Extent, Flight, Numbered, Outlet, Progress, Rotation, Target,
};
use dxgtrace_query::filter::Filter;
use dxgtrace_session::check::{Code, Severity};
use dxgtrace_session::entry::Sink;

/// Files that the flight recorder keeps if nothing else is said.
const FLIGHT_FILES: u64 = 100;

/// The way out that the arguments ask for, understood, nothing opened yet.
pub struct Out<'a> {
    args: &'a CaptureArgs,
    kind: Kind,
}

enum Kind {
    /// Lines on standard output, or nothing.
    Lines,
    /// Capture files.
    Files(Numbered, Extent),
    /// Capture files now and then.
    Flight(Numbered, Extent, Vec<Alarm>),
}

impl<'a> Out<'a> {
    /// Understands the arguments.
    ///
    /// # Errors
    /// They make no sense.
    pub fn new(args: &'a CaptureArgs) -> Result<Self, Failure> {
        let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
        let kind = match &args.write {
            None => Kind::Lines,
            Some(path) if is_stdout(path) && !(args.ring.is_empty() && args.keep.is_empty()) => {
                return usage("-b and --keep need the name of a file");
            }
            Some(path) if !args.keep.is_empty() => {
                let (extent, files) = extent(&args.keep);
                let files = Numbered::new(path, Some(files.unwrap_or(FLIGHT_FILES)));
                Kind::Flight(files, extent, alarms(&args.when)?)
            }
            Some(path) if !args.ring.is_empty() => {
                let (extent, files) = extent(&args.ring);
                if extent.is_none() {
                    return usage(
                        "-b files:N needs to know when a file is full: \
                         -b filesize:KB, duration:SECONDS or packets:N",
                    );
                }
                Kind::Files(Numbered::new(path, files), extent)
            }
            Some(path) => {
                let bytes = args.stop.iter().find_map(|stop| match stop {
                    Limit::Bytes(bytes) => Some(*bytes),
                    _ => None,
                });
                let extent = Extent {
                    bytes,
                    ..Extent::default()
                };
                Kind::Files(Numbered::single(path), extent)
            }
        };
        Ok(Self { args, kind })
    }

    /// Opens what has to be open at the beginning.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn prepare(mut self) -> Result<Prepared<'a>, Failure> {
        let target = match &mut self.kind {
            Kind::Files(files, _) if !self.args.write.as_deref().is_some_and(is_stdout) => {
                let created = files.create(now());
                Some(created.map_err(|error| Failure::Input(error.to_string()))?)
            }
            Kind::Files(..) => Some(stdout()?),
            Kind::Lines if !self.args.show.quiet => Some(stdout()?),
            Kind::Lines | Kind::Flight(..) => None,
        };
        Ok(Prepared { out: self, target })
    }
}

/// The way out, in use.
pub struct Opened {
    /// Which packets go there.
    pub filter: Filter,
    /// What takes them.
    pub sinks: Vec<Box<dyn Sink>>,
    /// What else the capture heeds.
    pub course: Course,
}

/// The way out, with what it needs at the beginning.
pub struct Prepared<'a> {
    out: Out<'a>,
    target: Option<Target>,
}

impl Prepared<'_> {
    /// Begins to write; `how` says how the driver is hooked.
    ///
    /// # Errors
    /// The output refuses.
    pub fn open(
        self,
        shown: Shown,
        color: Color,
        limits: Limits,
        how: &str,
    ) -> Result<Opened, Failure> {
        let mut about = About::default();
        about.application += &format!(", captured by {how}");
        let progress = Rc::<Progress>::default();
        let outlet = match self.target {
            Some(target) => Some(Outlet::new(target).map_err(Failure::output)?),
            None => None,
        };
        let args = self.out.args;
        let mut course = Course::new(
            limits,
            outlet.as_ref().and_then(Outlet::queue),
            progress.clone(),
        );
        course.stall = args.when.iter().find_map(|when| match when {
            When::Stall(stall) => Some(*stall),
            _ => None,
        });
        course.written = match &self.out.kind {
            Kind::Files(..) if args.ring.is_empty() => args
                .write
                .clone()
                .filter(|path| !is_stdout(path))
                .map(Written::One),
            Kind::Files(..) | Kind::Flight(..) => args.write.clone().map(Written::Several),
            Kind::Lines => None,
        };
        let to_stdout = args.write.as_deref().is_some_and(is_stdout);
        let printed = (args.show.print && !args.show.quiet && !to_stdout).then(|| shown.clone());
        let (filter, sink): (_, Option<Box<dyn Sink>>) = match (self.out.kind, outlet) {
            (Kind::Files(files, extent), Some(outlet)) => {
                let rotation = Rotation::new(outlet, files, extent, about, progress);
                let sink = Box::new(rotation.map_err(Failure::output)?);
                (shown.into_filter(), Some(sink))
            }
            (Kind::Flight(files, extent, alarms), _) => {
                let at_end = args.when.contains(&When::End);
                let flight = Flight::new(files, extent, alarms, at_end, about, progress);
                (shown.into_filter(), Some(Box::new(flight)))
            }
            (Kind::Lines, Some(outlet)) => {
                let (filter, sink) =
                    shown.into_lines(Box::new(outlet), color, &format!("live by {how}"))?;
                (filter, Some(sink))
            }
            (Kind::Lines | Kind::Files(..), None) => (shown.into_filter(), None),
        };
        let mut sinks: Vec<_> = sink.into_iter().collect();
        if let Some(shown) = printed {
            let (_, lines) = shown.into_lines(Box::new(io::stdout().lock()), color, "live")?;
            sinks.push(lines);
        }
        Ok(Opened {
            filter,
            sinks,
            course,
        })
    }
}

/// What makes the flight recorder write by itself.
fn alarms(when: &[When]) -> Result<Vec<Alarm>, Failure> {
    if when.is_empty() {
        return Ok(vec![Alarm::Severity(Severity::Error)]);
    }
    when.iter()
        .filter_map(|when| match when {
            When::Finding(word) => Some(alarm(word)),
            When::Stall(_) | When::End => None,
        })
        .collect()
}

fn alarm(word: &str) -> Result<Alarm, Failure> {
    let severity = Severity::ALL
        .iter()
        .find(|severity| severity.name() == word);
    let code = || Code::by_word(word).map(Alarm::Code);
    severity
        .map(|severity| Alarm::Severity(*severity))
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

/// Standard output as it is, without a buffer of its own.
fn stdout() -> Result<Target, Failure> {
    let fd = io::stdout().as_fd().try_clone_to_owned();
    Ok(Target {
        file: File::from(fd.map_err(Failure::output)?),
        name: "standard output".to_owned(),
        own: false,
    })
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
