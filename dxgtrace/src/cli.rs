//! What can be said on the command line. Definitions only.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Traces and explains what the Linux GPU driver dxgkrnl and its Windows host
/// say to each other.
#[derive(Debug, Parser)]
#[command(name = "dxgtrace", version, max_term_width = 100)]
pub struct Cli {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// What to do; without a command: capture
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at packets on the terminal, live or from a file
    Tui(TuiArgs),
    /// Capture what driver and host say, live
    Capture(CaptureArgs),
    /// Play the packets of a capture through a stand-in for the driver
    Replay(ReplayArgs),
    /// Play a sample and capture it: shows everything without a GPU
    Demo(DemoArgs),
    /// Read a capture file and show what it holds
    Read(ReadArgs),
    /// Say what a status, errno, line of the kernel log, message or finding means
    Explain(ExplainArgs),
    /// Examine this machine: driver, virtual GPUs, kernel, rights; each line with the fix
    Doctor(DoctorArgs),
    /// Compare two captures, or one with itself at another interface version
    Diff(DiffArgs),
    /// Write a part of a capture that can be understood by itself
    Cut(CutArgs),
    /// Pack a capture, a summary and the environment into one archive, redacted
    Report(ReportArgs),
    /// Say what is wrong in capture files, who is to blame, and what to do next
    Check(CheckArgs),
    /// Count what capture files hold: by message, process and virtual GPU
    Stat(StatArgs),
    /// Write generated files: the Wireshark dissector, the reference, schemas
    Export(ExportArgs),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    Man,
}

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

/// `dxgtrace read`
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// The capture file; `-` is standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "input",
        conflicts_with = "input"
    )]
    pub file: Option<PathBuf>,

    /// The capture file, as tshark has it
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Write the packets to a capture file instead; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this many packets
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub show: ShowArgs,
}

/// Form of answers that are no packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerForm {
    /// Sentences.
    Text,
    /// JSON lines.
    Jsonl,
}

/// `dxgtrace explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// What to explain: 0xc0000022, -75, EOVERFLOW, "dxgkio_make_resident: Ioctl failed: -12",
    /// size.reply_short, make_resident, "vgpu 11", 0xC030470B, a handle, a GUID;
    /// `-` reads a kernel log from standard input
    #[arg(value_name = "THING", required = true, allow_negative_numbers = true)]
    pub things: Vec<String>,

    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: AnswerForm,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub rules: RulesArgs,
}

/// `dxgtrace doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Examine the file tree below this folder instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Examine only this PCI configuration space: its bytes, or what lspci -xxxx printed;
    /// `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    pub config_space: Option<PathBuf>,

    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: AnswerForm,
}

/// `dxgtrace diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The first capture; `-` is standard input
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The second capture
    #[arg(
        value_name = "B",
        required_unless_present = "as_version",
        conflicts_with = "as_version"
    )]
    pub b: Option<PathBuf>,

    /// Say what would be different in A at this interface version
    #[arg(long, value_name = "VERSION")]
    pub as_version: Option<u32>,

    /// Form of the output
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORM",
        default_value = "text"
    )]
    pub form: AnswerForm,
}

/// `dxgtrace cut`
#[derive(Debug, Args)]
pub struct CutArgs {
    /// The capture file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where to write the part; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: PathBuf,

    /// Packets with these numbers: A-B, A-, -B or A
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub frames: Option<String>,

    /// Packets of this process
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,

    /// Packets that name this handle
    #[arg(long, value_name = "HANDLE")]
    pub handle: Option<String>,

    /// Packets in this span, in seconds since the first one
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub time: Option<String>,
}

/// `dxgtrace report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The capture file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The archive to write: .tar, or .tar.gz to compress it
    #[arg(short = 'o', long = "output", value_name = "OUT")]
    pub write: PathBuf,

    /// Keep process names, texts, opaque data and addresses
    #[arg(long)]
    pub no_redact: bool,

    /// Describe the machine whose file tree is below this folder
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub rules: RulesArgs,
}

/// Which known-issue rules to use.
#[derive(Debug, Clone, Default, Args)]
pub struct RulesArgs {
    /// Folder of further known-issue rules (*.toml)
    #[arg(long = "rules", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
}

/// `dxgtrace capture`
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// Write the packets to a capture file; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this many messages
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    /// Stop when this is reached: duration:SECONDS or packets:N
    #[arg(short = 'a', long = "autostop", value_name = "CONDITION")]
    pub stop: Vec<Stop>,

    /// Keep at most this many bytes of each message
    #[arg(short = 's', long = "snaplen", value_name = "BYTES")]
    pub snap: Option<u32>,

    /// Size of the kernel's buffer in MiB
    #[arg(short = 'B', long = "buffer", value_name = "MIB")]
    pub buffer: Option<u32>,

    /// Only requests of this process; may be repeated
    #[arg(long = "pid", value_name = "PID")]
    pub pids: Vec<u32>,

    /// Only requests of threads with this name
    #[arg(long = "comm", value_name = "NAME")]
    pub comm: Option<String>,

    /// Hook the driver this way instead of the best that works
    #[arg(long = "backend", value_name = "BACKEND")]
    pub backend: Option<Backend>,

    /// Capture a stand-in (`dxgtrace replay --wait`) instead of the driver
    #[arg(long = "stand-in", value_name = "PID", conflicts_with = "backend")]
    pub stand_in: Option<u32>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub show: ShowArgs,
}

/// How to hook the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// At function entry and exit, by trampoline: loses nothing.
    Fentry,
    /// By breakpoint or jump: works without BTF.
    Kprobe,
}

/// When a capture stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After so long.
    Duration(Duration),
    /// After so many messages.
    Packets(u64),
}

impl FromStr for Stop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
        match text.split_once(':') {
            Some(("duration", seconds)) => match seconds.parse::<f64>() {
                Ok(seconds) => Duration::try_from_secs_f64(seconds)
                    .map(Self::Duration)
                    .map_err(|_| format!("`{seconds}` is no duration")),
                Err(_) => Err(format!("`{seconds}` is no number of seconds")),
            },
            Some(("packets", count)) => number(count).map(Self::Packets),
            _ => Err("say duration:SECONDS or packets:N".to_owned()),
        }
    }
}

/// `dxgtrace tui`
#[derive(Debug, Args)]
pub struct TuiArgs {
    /// The capture file; without one: capture live
    #[arg(value_name = "FILE", conflicts_with = "input")]
    pub file: Option<PathBuf>,

    /// The capture file, as tshark has it
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Show only packets that pass this filter
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub filter: Option<String>,

    /// Capture into this file instead of a temporary one
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Capture only requests of this process; may be repeated
    #[arg(long = "pid", value_name = "PID")]
    pub pids: Vec<u32>,

    /// Capture a stand-in (`dxgtrace replay --wait`) instead of the driver
    #[arg(long, value_name = "PID")]
    pub stand_in: Option<u32>,
}

/// `dxgtrace replay`
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The capture file; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Say `ready PID`, and play only when a line comes in
    #[arg(long)]
    pub wait: bool,

    /// Keep the recorded pace, this many times faster
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1")]
    pub speed: Option<f64>,

    /// Let another device send and receive in between
    #[arg(long)]
    pub noise: bool,

    /// Write what was played, as a capture must show it, to a capture file
    #[arg(long, value_name = "FILE")]
    pub played: Option<PathBuf>,
}

/// `dxgtrace demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Show it on the terminal UI
    #[arg(long)]
    pub tui: bool,

    /// The capture file to play; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Write the packets to a capture file as well
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Keep the recorded pace, this many times faster
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1")]
    pub speed: Option<f64>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub show: ShowArgs,
}

/// `dxgtrace check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Exit with 4 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Level>,

    /// Exit with 5 if packets are missing
    #[arg(long)]
    pub fail_on_loss: bool,

    /// Show findings from this severity on
    #[arg(short = 's', long, value_name = "SEVERITY", default_value = "note")]
    pub severity: Level,

    /// Show this many packets of each kind of finding
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    pub examples: usize,

    /// Show only the closing line of each file
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the text for its own")]
    pub rules: RulesArgs,
}

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// The normal course of things.
    Chat,
    /// Unusual, and harmless as far as is known.
    Note,
    /// Possibly the cause of trouble.
    Warn,
    /// Against the protocol, or the driver cannot work.
    Error,
}

/// `dxgtrace stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// The capture files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

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
