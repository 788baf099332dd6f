//! `dxgtrace export`: files that are generated from the description.

use super::{Exit, Failure, output};
use crate::cli::{Export, ExportArgs};
use crate::rules::{Rules, page};

/// Writes what was asked for to standard output.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    match args.what {
        Export::KnownIssues => {
            let rules = Rules::shipped().map_err(|error| Failure::Input(error.to_string()))?;
            output::all(page(rules.all()).as_bytes())
        }
        Export::Schema => output::all(crate::export::schema().as_bytes()),
    }
}
