//! Arguments that several commands take.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::{Args, Command, ValueEnum};

use super::Failure;
use dxgtrace_query::channels::ChannelSelector;

/// Parses `words` as the arguments of the command `name`, for a command that
/// runs another one.
///
/// # Errors
/// The command does not accept `words`.
pub fn parse<A: Args>(
    name: &'static str,
    words: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<A, Failure> {
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    let mut command = A::augment_args(Command::new(name))
        .bin_name(format!("dxgtrace {name}"))
        .no_binary_name(true);
    let matches = command.try_get_matches_from_mut(words);
    matches
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| Failure::Usage(error.format(&mut command).to_string()))
}

/// Whether the output has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Even if the output is no terminal.
    Always,
    /// No colours.
    Never,
}

/// Arguments of commands that show packets.
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
    pub form: OutputForm,

    /// Show only packets that match this display filter
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub filter: Option<String>,

    /// With -T fields or csv: a column; may be repeated
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    pub fields: Vec<String>,

    /// With -T fields or csv: header=y, separator=,, quote=d, occurrence=f, aggregator=;
    #[arg(short = 'E', long = "field-option", value_name = "OPTION")]
    pub field_options: Vec<String>,

    /// Only this channel: all, global, vgpu0, a LUID, a GUID, or its number in the list of
    /// channels; may be repeated
    #[arg(short = 'i', long = "interface", value_name = "CHANNEL")]
    pub channels: Vec<ChannelSelector>,

    /// Form of the time column
    #[arg(short = 't', long = "time", value_name = "TIME", default_value = "r")]
    pub time: TimeArg,

    /// With -w: show the packets as well
    #[arg(short = 'P', long = "print", requires = "write")]
    pub print: bool,

    /// Flush after every packet
    #[arg(short = 'l', long = "line-buffered")]
    pub each: bool,

    /// Show no packets, only the closing lines
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,

    /// Accepted for compatibility with tshark; dxgtrace never looks up names
    #[arg(short = 'n', hide = true)]
    pub numbers: bool,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// One line for each packet.
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
pub enum TimeArg {
    /// Seconds since the first packet.
    R,
    /// Seconds since the previous packet.
    D,
    /// Seconds since the previous packet that was shown.
    Dd,
    /// Seconds since 1970.
    E,
    /// Time of day.
    A,
    /// Date and time of day.
    Ad,
    /// Time of day, UTC.
    U,
    /// Date and time of day, UTC.
    Ud,
}

/// Capture files to read.
#[derive(Debug, Clone, Default, Args)]
pub struct InputArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "read")]
    named: Vec<PathBuf>,

    /// A capture file, with tshark's flag
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    read: Vec<PathBuf>,
}

impl InputArgs {
    /// The files, in order.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.read.iter().chain(&self.named)
    }
}

/// Form of output that is not packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerForm {
    /// Sentences.
    Text,
    /// JSON lines.
    Jsonl,
}

/// Arguments of commands whose output is not packets.
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

/// Arguments of commands that use known-issue rules.
#[derive(Debug, Clone, Default, Args)]
pub struct RulesArgs {
    /// Also load known-issue rules (*.toml) from this folder
    #[arg(long = "rules", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
}
