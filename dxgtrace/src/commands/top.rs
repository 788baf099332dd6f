//! `dxgtrace top`: who does how much.

use std::io::Write;
use std::path::Path;

use super::output::stream;
use super::pipeline::Pipeline;
use super::{Exit, Failure, input};
use crate::cli::{AnswerForm, ColorArg, TopArgs};
use dxgtrace_query::filter::Filter;
use dxgtrace_render::output::{SharedTop, TopCounts};
use dxgtrace_session::Session;

/// Shows a file's table.
pub fn run(args: &TopArgs, path: &Path, color: ColorArg) -> Result<Exit, Failure> {
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

pub(super) fn show(
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
