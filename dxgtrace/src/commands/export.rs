//! `dxgtrace export`: files that are generated from the description.

use super::{Exit, Failure, output};
use crate::cli::{Export, ExportArgs};

/// Writes what was asked for to standard output.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    match args.what {
        Export::Schema => output::all(crate::export::schema().as_bytes()),
    }
}
