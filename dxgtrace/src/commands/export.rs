//! `dxgtrace export`: files that are generated from the description.

use std::fmt;

use super::{Exit, Failure, output, wireshark};
use crate::cli::{Export, ExportArgs};
use dxgtrace_query::rules::{Rules, page};
use dxgtrace_render::export;

/// Writes what was asked for to standard output.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let text = match &args.what {
        Export::Wireshark(args) => return wireshark::run(args),
        Export::KnownIssues => {
            let rules = Rules::shipped().map_err(|error| Failure::Input(error.to_string()))?;
            Ok(page(rules.all()))
        }
        Export::Lua => text(export::lua),
        Export::Reference => text(export::reference),
        Export::Findings => text(export::findings),
        Export::Schema => Ok(export::schema()),
    };
    let text = text.map_err(|error| Failure::Input(format!("cannot export: {error}")))?;
    output::all(text.as_bytes())
}

fn text(write: impl FnOnce(&mut String) -> fmt::Result) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write(&mut text)?;
    Ok(text)
}
