//! `dxgtrace stat`: what capture files hold, counted.

use std::io::Write;

use clap::Args;

use super::arguments::{AnswerArgs, AnswerForm, ColorArg, InputArgs};
use super::output::{bare, stream, width};
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

/// Counts the files, one after the other.
pub fn run(args: &StatArgs, color: ColorArg) -> Result<Exit, Failure> {
    let mut damage = None;
    let mut out: Box<dyn Write> = match args.answer.form {
        AnswerForm::Text => Box::new(stream(color)),
        AnswerForm::Jsonl => Box::new(bare()),
    };
    for path in args.input.files() {
        let mut statistics = Statistics::default();
        let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(&mut statistics)]);
        if let Err(failure) = input::feed(path, &mut pipeline) {
            input::first(&mut damage, failure);
        }
        let session = pipeline.session().clone();
        let totals = pipeline.end().map_err(Failure::output)?;
        let source = input::name(path);
        match args.answer.form {
            AnswerForm::Text => statistics.write(&mut out, &source, &totals, &session, width()),
            AnswerForm::Jsonl => statistics.write_json(&mut out, &source, &totals, &session),
        }
        .map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)?;
    damage.map_or(Ok(Exit::Fine), Err)
}
