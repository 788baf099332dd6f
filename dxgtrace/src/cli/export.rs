//! `dxgtrace export`: its arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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

/// `dxgtrace export wireshark`
#[derive(Debug, Clone, Args)]
pub struct WiresharkArgs {
    /// The home folder to write into; without it, this user's
    #[arg(value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Write the profile anew even where it was changed since
    #[arg(long)]
    pub force: bool,
}
