//! `dxgtrace stat`: what capture files hold, counted.

use super::output::stream;
use super::pipeline::Pipeline;
use super::{Exit, Failure, input};
use crate::cli::{Color, StatArgs};
use crate::filter::Filter;
use crate::output::Statistics;

/// Counts the files, one after the other.
pub fn run(args: &StatArgs, color: Color) -> Result<Exit, Failure> {
    let mut damage = None;
    let mut out = stream(color);
    for path in &args.files {
        let mut statistics = Statistics::default();
        let mut pipeline = Pipeline::new(Filter::default(), vec![Box::new(&mut statistics)]);
        if let Err(failure) = input::feed(path, &mut pipeline) {
            input::first(&mut damage, failure);
        }
        let session = pipeline.session().clone();
        let totals = pipeline.end().map_err(Failure::output)?;
        statistics
            .write(&mut out, &input::name(path), &totals, &session)
            .map_err(Failure::output)?;
    }
    std::io::Write::flush(&mut out).map_err(Failure::output)?;
    damage.map_or(Ok(Exit::Fine), Err)
}
