//! `dxgtrace stat`: shows statistics of capture files.

use std::io::Write;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg, InputArgs};
use super::output::{plain_stdout, stdout_stream, text_width};
use super::pipeline::Pipeline;
use super::{Exit, Failure, input};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::Statistics;

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub answer: AnswerArgs,
}

/// Shows the statistics of each file.
pub fn run(args: &StatArgs, color: ColorArg) -> Result<Exit, Failure> {
    let mut damage = None;
    let mut out: Box<dyn Write> = match args.answer.form {
        AnswerForm::Text => Box::new(stdout_stream(color)),
        AnswerForm::Jsonl => Box::new(plain_stdout()),
    };
    for path in args.input.files() {
        let mut statistics = Statistics::default();
        let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(&mut statistics)]);
        if let Err(failure) = input::feed_file(path, &mut pipeline) {
            input::keep_first_failure(&mut damage, failure);
        }
        let session = pipeline.session().clone();
        let totals = pipeline.finish().map_err(Failure::output)?;
        let source = input::display_name(path);
        match args.answer.form {
            AnswerForm::Text => {
                statistics.write(&mut out, &source, &totals, &session, text_width())
            }
            AnswerForm::Jsonl => statistics.write_json(&mut out, &source, &totals, &session),
        }
        .map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)?;
    damage.map_or(Ok(Exit::Fine), Err)
}
