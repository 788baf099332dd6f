//! `dxgtrace check`: what is wrong in capture files.

use super::output::{stream, width};
use super::pipeline::Pipeline;
use super::rules::load;
use super::{Exit, Failure, input, known};
use crate::check::Severity;
use crate::cli::{CheckArgs, Color, Level};
use crate::filter::Filter;
use crate::output::Groups;

/// Checks the files, one after the other.
pub fn run(args: &CheckArgs, color: Color) -> Result<Exit, Failure> {
    let mut worst = None;
    let mut lost = 0;
    let mut damage = None;
    let mut out = stream(color);
    let rules = load(&args.rules)?;
    for path in &args.files {
        let mut groups = Groups::new(args.examples);
        let mut watch = rules.watch();
        let mut pipeline = Pipeline::new(
            Filter::default(),
            vec![Box::new(&mut groups), Box::new(&mut watch)],
        );
        if let Err(failure) = input::feed(path, &mut pipeline) {
            input::first(&mut damage, failure);
        }
        let version = pipeline.session().version();
        let waiting = pipeline.session().waiting();
        let totals = pipeline.end().map_err(Failure::output)?;
        worst = worst.max(groups.worst());
        lost += totals.lost;
        watch.end(&waiting);
        if !args.quiet {
            known::show(&mut out, &watch.matches(), width()).map_err(Failure::output)?;
        }
        let least = match args.quiet {
            true => None,
            false => Some(severity(args.severity)),
        };
        groups
            .write(
                &mut out,
                &input::name(path),
                &totals,
                version,
                least,
                width(),
            )
            .map_err(Failure::output)?;
        if let Some(failure @ (Failure::Closed | Failure::Usage(_))) = damage {
            return Err(failure);
        }
    }
    std::io::Write::flush(&mut out).map_err(Failure::output)?;
    match damage {
        Some(failure) => Err(failure),
        None if args
            .fail_on
            .is_some_and(|level| worst >= Some(severity(level))) =>
        {
            Ok(Exit::Findings)
        }
        None if args.fail_on_loss && lost > 0 => Ok(Exit::Loss),
        None => Ok(Exit::Fine),
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Chat => Severity::Chat,
        Level::Note => Severity::Note,
        Level::Warn => Severity::Warn,
        Level::Error => Severity::Error,
    }
}
