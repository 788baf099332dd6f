//! `dxgtrace top`, live: shows a table every few seconds.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::capture::{Signals, WatchedProcess};
use super::pipe::OutputPipe;
use super::{capture_options, give_up_rights, start};
use crate::commands::arguments::{AnswerForm, ColorArg};
use crate::commands::live_arguments::StandInArg;
use crate::commands::output::{stdout_stream, terminal_lines};
use crate::commands::pipeline::Pipeline;
use crate::commands::top::{TopArgs, write_table};
use crate::commands::{Exit, Failure};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::SharedTop;

/// Lines of a table besides its rows.
const HEADER_LINES: usize = 4;
/// How long to wait for a packet before the conditions to stop are checked.
const PACKET_TIMEOUT: Duration = Duration::from_millis(50);

/// Shows tables until the command is stopped.
pub fn run(args: &TopArgs, color: ColorArg) -> Result<Exit, Failure> {
    let delay = Duration::try_from_secs_f64(args.delay)
        .ok()
        .filter(|delay| !delay.is_zero())
        .ok_or_else(|| Failure::Usage(format!("a delay of {} seconds is none", args.delay)))?;
    let signals = Signals::install()?;
    let options = capture_options(&args.live)?;
    let mut live = start(&options)?;
    give_up_rights(&live.rights())?;
    let stand_in = match args.live.stand_in {
        Some(StandInArg::Process(pid)) => WatchedProcess::new(pid),
        _ => WatchedProcess::None,
    };
    let pipe = OutputPipe::open(Path::new("-"));
    let shared = SharedTop::default();
    let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(shared.clone())]);
    let mut out = stdout_stream(color);
    let screen = io::stdout().is_terminal() && args.answer.form == AnswerForm::Text;
    let mut tables_left = args.tables.unwrap_or(u64::MAX);
    let mut table_start = Instant::now();
    let broken = |error: io::Error| Failure::Attach(format!("the capture broke: {error}"));
    while tables_left > 0 {
        let delivery = live.next(PACKET_TIMEOUT).map_err(broken)?;
        let quiet = delivery.is_none();
        if let Some(delivery) = delivery {
            pipeline
                .on_packet(&delivery.packet, delivery.channels)
                .map_err(Failure::output)?;
        }
        let ending = signals.take_stop() || pipe.is_closed() || (quiet && stand_in.has_ended());
        if table_start.elapsed() < delay && !ending {
            continue;
        }
        let mut rows_max = usize::MAX;
        if screen {
            rows_max = terminal_lines().saturating_sub(HEADER_LINES);
            // Cursor to the top tables_left, and clear the screen.
            out.write_all(b"\x1b[H\x1b[2J").map_err(Failure::output)?;
        } else if args.answer.form == AnswerForm::Text
            && tables_left < args.tables.unwrap_or(u64::MAX)
        {
            writeln!(out).map_err(Failure::output)?;
        }
        let span = u64::try_from(table_start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        write_table(
            &shared.0.borrow(),
            &mut out,
            args,
            pipeline.session(),
            span,
            rows_max,
        )?;
        shared.0.borrow_mut().reset();
        table_start = Instant::now();
        tables_left -= 1;
        if ending {
            break;
        }
    }
    live.stop();
    Ok(Exit::Fine)
}
