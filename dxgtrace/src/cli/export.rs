//! `dxgtrace export`: its arguments.

use clap::{Args, ValueEnum};

/// `dxgtrace export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What to write
    pub what: Export,
}

/// What can be written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Export {
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
