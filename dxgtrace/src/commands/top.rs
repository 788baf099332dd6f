//! `dxgtrace top`: who does how much, of a file or live.

use std::io::Write;
use std::path::Path;

use super::output::stream;
use super::pipeline::Pipeline;
use super::{Exit, Failure, input};
use crate::cli::{AnswerForm, ColorArg, TopArgs};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::{SharedTop, TopCounts};
use dxgtrace_session::Session;

/// Shows a file's table, or one after the other, live.
pub fn run(args: &TopArgs, color: ColorArg) -> Result<Exit, Failure> {
    match args.file.as_ref().or(args.input.as_ref()) {
        Some(path) => read(args, path, color),
        None => live(args, color),
    }
}

fn read(args: &TopArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
    let shared = SharedTop::default();
    let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(shared.clone())]);
    let result = input::feed(path, &mut pipeline);
    let top = shared.0.borrow();
    // What could be read is shown before the failure is.
    show(
        &top,
        &mut stream(color),
        args,
        pipeline.session(),
        top.span(),
        usize::MAX,
    )?;
    result.map(|()| Exit::Fine)
}

fn show(
    top: &TopCounts,
    out: &mut impl Write,
    args: &TopArgs,
    session: &Session,
    span: u64,
    most: usize,
) -> Result<(), Failure> {
    match args.answer.form {
        AnswerForm::Text => top.write(out, span, session, most),
        AnswerForm::Jsonl => top.write_json(out, span, session, top.last()),
    }
    .map_err(Failure::output)
}

#[cfg(not(target_os = "linux"))]
fn live(_: &TopArgs, _: ColorArg) -> Result<Exit, Failure> {
    Err(Failure::Attach(
        "capturing works on Linux only; here, `dxgtrace top FILE` shows a capture".to_owned(),
    ))
}

#[cfg(target_os = "linux")]
fn live(args: &TopArgs, color: ColorArg) -> Result<Exit, Failure> {
    use std::io::{self, IsTerminal};
    use std::time::{Duration, Instant};

    use super::capture::{Signals, WatchedProcess};
    use super::live::{give_up_rights, options, start};
    use super::pipe::OutputPipe;
    use crate::cli::StandInArg;

    /// Lines of a table that are no rows.
    const HEAD: usize = 4;
    /// How long to wait for a packet before the clock is looked at.
    const PATIENCE: Duration = Duration::from_millis(50);

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
            let lines = crossterm::terminal::size().map_or(24, |(_, lines)| usize::from(lines));
            most = lines.saturating_sub(HEAD);
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
        shared.0.borrow_mut().begin_anew();
        begun = Instant::now();
        left -= 1;
        if ending {
            break;
        }
    }
    live.stop();
    Ok(Exit::Fine)
}
