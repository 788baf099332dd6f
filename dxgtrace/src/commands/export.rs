//! `dxgtrace export`: writes files that are generated from the protocol's table.

use std::fmt;

use clap::{Args, Subcommand};

use super::wireshark::{self, WiresharkArgs};
use super::{Exit, Failure, output};
use dxgtrace_query::rules::{Rules, markdown_page};
use dxgtrace_render::export;

/// `dxgtrace export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The file to write
    #[command(subcommand)]
    pub what: Export,
}

/// The generated files.
#[derive(Debug, Clone, Subcommand)]
pub enum Export {
    /// Set up Wireshark: dissector, profile and capture interface
    Wireshark(WiresharkArgs),
    /// The Wireshark dissector, `dxg.lua`
    Lua,
    /// The protocol reference, Markdown
    Reference,
    /// The description of every finding, Markdown
    Findings,
    /// The JSON Schema of `-T jsonl`
    Schema,
    /// The known issues, Markdown
    KnownIssues,
}

/// Writes the generated file to standard output.
pub fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let text = match &args.what {
        Export::Wireshark(args) => return wireshark::run(args),
        Export::KnownIssues => {
            let rules = Rules::shipped().map_err(|error| Failure::Input(error.to_string()))?;
            Ok(markdown_page(rules.all()))
        }
        Export::Lua => to_text(export::lua),
        Export::Reference => to_text(export::reference),
        Export::Findings => to_text(export::findings),
        Export::Schema => Ok(export::schema()),
    };
    let text = text.map_err(|error| Failure::Input(format!("cannot export: {error}")))?;
    output::write_all(text.as_bytes())
}

fn to_text(write: impl FnOnce(&mut String) -> fmt::Result) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write(&mut text)?;
    Ok(text)
}
