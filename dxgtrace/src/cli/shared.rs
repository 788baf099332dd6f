//! What several commands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How packets are shown.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Show the tree of fields below each line
    #[arg(short = 'V', long = "verbose")]
    pub tree: bool,

    /// Show the bytes below each line
    #[arg(short = 'x', long = "hex")]
    pub hex: bool,

    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: Form,

    /// Show only what this display filter lets through
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub filter: Option<String>,

    /// With -T fields or csv: a column; may be repeated
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    pub fields: Vec<String>,

    /// With -T fields or csv: header=y, separator=,, quote=d, occurrence=f, aggregator=;
    #[arg(short = 'E', long = "field-option", value_name = "OPTION")]
    pub field_options: Vec<String>,

    /// Form of the time column
    #[arg(short = 't', long = "time", value_name = "TIME", default_value = "r")]
    pub time: Time,

    /// Flush after every packet
    #[arg(short = 'l', long = "line-buffered")]
    pub each: bool,

    /// Show no packets, only the closing lines
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A line a packet.
    Text,
    /// JSON lines.
    Jsonl,
    /// The columns that -e names, separated by tabs.
    Fields,
    /// The columns that -e names, as CSV with a header.
    Csv,
}

/// Form of the time column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Time {
    /// Seconds since the first packet.
    R,
    /// Seconds since the packet before.
    D,
    /// Seconds since 1970.
    E,
    /// Time of day, UTC.
    U,
    /// Date and time of day, UTC.
    Ud,
}

/// Form of answers that are no packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerForm {
    /// Sentences.
    Text,
    /// JSON lines.
    Jsonl,
}

/// In which form answers are given.
#[derive(Debug, Clone, Copy, Args)]
pub struct AnswerArgs {
    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: AnswerForm,
}

/// Which known-issue rules to use.
#[derive(Debug, Clone, Default, Args)]
pub struct RulesArgs {
    /// Folder of further known-issue rules (*.toml)
    #[arg(long = "rules", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
}
