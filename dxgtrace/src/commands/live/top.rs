//! `dxgtrace top`, live: a table every few seconds.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::capture::{Signals, WatchedProcess};
use super::pipe::OutputPipe;
use super::{give_up_rights, options, start};
use crate::commands::arguments::{AnswerForm, ColorArg};
use crate::commands::live_arguments::StandInArg;
use crate::commands::output::{lines, stream};
use crate::commands::pipeline::Pipeline;
use crate::commands::top::{TopArgs, show};
use crate::commands::{Exit, Failure};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::SharedTop;

/// Lines of a table that are no rows.
const HEAD: usize = 4;
/// How long to wait for a packet before the clock is looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Shows tables until it is stopped.
pub fn run(args: &TopArgs, color: ColorArg) -> Result<Exit, Failure> {
    let delay = Duration::try_from_secs_f64(args.delay)
        .ok()
        .filter(|delay| !delay.is_zero())
        .ok_or_else(|| Failure::Usage(format!("a delay of {} seconds is none", args.delay)))?;
    let signals = Signals::catch()?;
    let options = options(&args.live)?;
    let mut live = start(&options)?;
    give_up_rights(&live.rights())?;
    let stand_in = match args.live.stand_in {
        Some(StandInArg::Process(pid)) => WatchedProcess::new(pid),
        _ => WatchedProcess::Unknown,
    };
    let pipe = OutputPipe::of(Path::new("-"));
    let shared = SharedTop::default();
    let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(shared.clone())]);
    let mut out = stream(color);
    let screen = io::stdout().is_terminal() && args.answer.form == AnswerForm::Text;
    let mut left = args.tables.unwrap_or(u64::MAX);
    let mut begun = Instant::now();
    let broken = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    while left > 0 {
        let delivery = live.next(PATIENCE).map_err(broken)?;
        let quiet = delivery.is_none();
        if let Some(delivery) = delivery {
            pipeline
                .packet(&delivery.packet, delivery.channels)
                .map_err(Failure::output)?;
        }
        let ending = signals.stop() || pipe.is_abandoned() || (quiet && stand_in.has_ended());
        if begun.elapsed() < delay && !ending {
            continue;
        }
        let mut most = usize::MAX;
        if screen {
            most = lines().saturating_sub(HEAD);
            // To the top left, and nothing left of the table before.
            out.write_all(b"\x1b[H\x1b[2J").map_err(Failure::output)?;
        } else if args.answer.form == AnswerForm::Text && left < args.tables.unwrap_or(u64::MAX) {
            writeln!(out).map_err(Failure::output)?;
        }
        let span = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        show(
            &shared.0.borrow(),
            &mut out,
            args,
            pipeline.session(),
            span,
            most,
        )?;
        shared.0.borrow_mut().reset();
        begun = Instant::now();
        left -= 1;
        if ending {
            break;
        }
    }
    live.stop();
    Ok(Exit::Fine)
}
