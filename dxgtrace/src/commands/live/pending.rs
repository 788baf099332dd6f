//! `dxgtrace pending`: captures for a few seconds, looks several times at what
//! waits, and says what hangs.
//!
//! Two sources are joined by thread: the requests and fences that the session
//! follows, and what `/proc` shows of the threads in an ioctl of the driver.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use super::capture::Signals;
use super::pending_waits::{PendingWaits, WaitSample};
use super::{capture_options, give_up_rights, start};
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::PendingArgs;
use crate::commands::output::stdout_stream;
use crate::commands::{Exit, Failure};
use dxgtrace_doctor::{DriverThreads, SystemFiles};
use dxgtrace_live::{CaptureTarget, Right};
use dxgtrace_session::Session;

/// How long to wait for a packet before the clock is looked at.
const PATIENCE: Duration = Duration::from_millis(20);

/// The driver's function that every ioctl goes through.
const IOCTL: &str = "dxgk_unlocked_ioctl";

/// Watches, then says what waits and what hangs.
pub fn run(args: &PendingArgs, color: ColorArg) -> Result<Exit, Failure> {
    let duration = seconds("--for", args.duration)?;
    let hang = match args.hang {
        Some(hang) => seconds("--hang", hang)?,
        None => duration / 2,
    };
    if hang > duration {
        return Err(Failure::Usage(format!(
            "with --for {}, no wait can be seen to last {} seconds",
            args.duration,
            hang.as_secs_f64()
        )));
    }
    let signals = Signals::install()?;
    let options = capture_options(&args.live)?;
    let mut live = start(&options)?;
    let mut rights = live.rights();
    rights.push(Right::Threads);
    give_up_rights(&rights)?;
    let has_threads = matches!(options.target, CaptureTarget::Driver(_));
    let system = SystemFiles::new("/");

    // Errors of standard error are nobody's.
    let _ = writeln!(
        io::stderr(),
        "dxgtrace: watching by {} for {:.1} s",
        live.describe_hooks(),
        duration.as_secs_f64()
    );
    let mut session = Session::new();
    let sees_ioctls = live.hooks().iter().any(|(name, _)| *name == IOCTL);
    let mut waits = PendingWaits::new(sees_ioctls);
    let begun = Instant::now();
    let every = duration / (args.samples - 1);
    let broken = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    let mut taken = 0;
    while taken < args.samples {
        if let Some(delivery) = live.next(PATIENCE).map_err(broken)? {
            session.analyze(&delivery.packet, &mut |_| ());
            waits.packet(&delivery.packet, delivery.channels);
        }
        let ending = signals.take_stop();
        if begun.elapsed() < every * taken && !ending {
            continue;
        }
        taken += 1;
        let threads = match has_threads {
            true => DriverThreads::of(&system),
            false => DriverThreads::default(),
        };
        waits.sample(WaitSample {
            session: &session,
            threads: &threads,
            now: since_1970(),
        });
        if ending {
            break;
        }
    }
    let lost = live.totals().lost.total();
    live.stop();
    let mut out = stdout_stream(color);
    let hangs = waits
        .report(&mut out, hang, begun.elapsed(), lost)
        .and_then(|hangs| {
            limits(&mut out, has_threads, &waits, lost)?;
            out.flush()?;
            Ok(hangs)
        })
        .map_err(Failure::output)?;
    Ok(if hangs { Exit::Findings } else { Exit::Fine })
}

/// What the samples cannot show.
fn limits(
    out: &mut impl Write,
    has_threads: bool,
    waits: &PendingWaits,
    lost: u64,
) -> io::Result<()> {
    match has_threads {
        true => writeln!(
            out,
            "The capture began with the command: of a wait that began before, only the ioctl and \
             the time seen here are known, not the message or the fence."
        )?,
        false => writeln!(
            out,
            "The capture began with the command: waits that began before are not known."
        )?,
    }
    if waits.hidden() > 0 {
        writeln!(
            out,
            "{} processes could not be looked at: run as root to see their threads.",
            waits.hidden()
        )?;
    }
    if lost > 0 {
        writeln!(
            out,
            "{lost} packets were lost: waits whose end may be among them are left out."
        )?;
    }
    Ok(())
}

/// A time given in seconds.
fn seconds(flag: &str, value: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|duration| !duration.is_zero() && duration.as_secs() < 1 << 20)
        .ok_or_else(|| Failure::Usage(format!("{flag} {value} is no time")))
}

/// Nanoseconds since 1970, as packets have them.
fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
