//! `dxgtrace export`: files that are generated from the description.

use std::fmt;

use clap::{Args, Subcommand};

use super::wireshark::{self, WiresharkArgs};
use super::{Exit, Failure, output};
use dxgtrace_query::rules::{Rules, page};
use dxgtrace_render::export;

/// `dxgtrace export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What to write
    #[command(subcommand)]
    pub what: Export,
}

/// What can be written out.
#[derive(Debug, Clone, Subcommand)]
pub enum Export {
    /// Set up Wireshark: dissector, profile, and capturing from within it
    Wireshark(WiresharkArgs),
    /// The Wireshark dissector, `dxg.lua`
    Lua,
    /// The reference of the protocol, Markdown
    Reference,
    /// What every finding means, Markdown
    Findings,
    /// The JSON Schema of `-T jsonl`
    Schema,
    /// The page on known issues, docs/known-issues.md
    KnownIssues,
}

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
