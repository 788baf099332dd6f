//! Arguments of the commands that capture live.
//!
//! They stand apart from these commands because every build accepts them: one
//! without live capture or terminal UI says what it lacks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::arguments::ShowArgs;

/// What to capture live, and how: the same for every command that does.
#[derive(Debug, Clone, Default, Args)]
pub struct LiveArgs {
    /// Keep at most this many bytes of each message
    #[arg(short = 's', long = "snaplen", value_name = "BYTES")]
    pub snap: Option<u32>,

    /// Size of the kernel's buffer in MiB
    #[arg(short = 'B', long = "buffer", value_name = "MIB")]
    pub buffer: Option<u32>,

    /// Only requests of this process; may be repeated
    #[arg(long = "pid", value_name = "PID")]
    pub pids: Vec<u32>,

    /// With --pid: also of its children, and of theirs
    #[arg(long = "follow-forks", requires = "pids")]
    pub follow_forks: bool,

    /// Only requests of threads with this name
    #[arg(long = "comm", value_name = "NAME")]
    pub comm: Option<String>,

    /// Hook the driver this way instead of the best that works
    #[arg(long = "backend", value_name = "BACKEND")]
    pub backend: Option<BackendArg>,

    /// Wait for VMBus if it is not there yet
    #[arg(long = "wait", conflicts_with = "stand_in")]
    pub wait: bool,

    /// Capture a stand-in (`dxgtrace replay --wait`) instead of the driver: a
    /// process, or with a path all that run this program
    #[arg(
        long = "stand-in",
        value_name = "PID|PROGRAM",
        conflicts_with = "backend"
    )]
    pub stand_in: Option<StandInArg>,
}

/// How to hook the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendArg {
    /// At function entry and exit, by trampoline: the cheapest.
    Fentry,
    /// By breakpoint or jump: works without BTF.
    Kprobe,
}

/// Which stand-in to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandInArg {
    /// A process.
    Process(u32),
    /// All processes that run a program, also later ones.
    Program(PathBuf),
}

impl FromStr for StandInArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(pid) = text.parse() {
            Ok(Self::Process(pid))
        } else if text.contains('/') {
            Ok(Self::Program(text.into()))
        } else {
            Err("say a process by its number, or a program by its path".to_owned())
        }
    }
}

/// `dxgtrace capture`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  dxgtrace capture                              a line a message, until Ctrl-C
  dxgtrace capture -w gpu.pcapng -a duration:30
  dxgtrace capture -P -w gpu.pcapng             into a file, and shown
  dxgtrace capture -f 'comm python3 and channel vgpu0'
  dxgtrace capture -i 00000000-0001d4c5         one virtual GPU; -D lists them
  dxgtrace capture -w - | wireshark -k -i -

The program asks for the rights that it lacks; `dxgtrace doctor` looks further.")]
pub struct CaptureArgs {
    /// Write the packets to a capture file; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this many messages
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    /// Stop when this is reached: duration:SECONDS, packets:N, filesize:KB, or
    /// with -b files:N; may be repeated
    #[arg(short = 'a', long = "autostop", value_name = "LIMIT")]
    pub stop: Vec<Limit>,

    /// Begin another file when this is reached: filesize:KB, duration:SECONDS or
    /// packets:N; with files:N, keep only the latest N; may be repeated
    #[arg(
        short = 'b',
        long = "ring-buffer",
        value_name = "LIMIT",
        requires = "write"
    )]
    pub ring: Vec<Limit>,

    /// Flight recorder: hold only the latest packets, in memory, within
    /// duration:SECONDS, filesize:KB or packets:N, and write them to a file of
    /// their own when --when or SIGUSR1 says so; with files:N, keep only the
    /// latest N files; may be repeated
    #[arg(
        long = "keep",
        value_name = "LIMIT",
        requires = "write",
        conflicts_with = "ring"
    )]
    pub keep: Vec<Limit>,

    /// With --keep: write when this happens: finding:SEVERITY, finding:CODE,
    /// stall:SECONDS (a request waits so long) or end; may be repeated; without
    /// it: finding:error
    #[arg(long = "when", value_name = "EVENT", requires = "keep")]
    pub when: Vec<FlightTrigger>,

    #[command(flatten)]
    pub live: LiveArgs,

    /// Capture only this: `pid N`, `comm NAME`, `channel CHANNEL`, joined by `and`, or by `or`
    /// between values of one kind; pid and comm are chosen in the kernel, channels after it. May
    /// also stand last, without -f
    #[arg(short = 'f', long = "capture-filter", value_name = "EXPR")]
    pub choice: Option<String>,

    /// The capture filter, as tcpdump has it
    #[arg(value_name = "EXPR", conflicts_with = "choice", hide = true)]
    pub words: Vec<String>,

    /// List the channels that the host offers to this machine, with what -i takes, and exit
    #[arg(short = 'D', long = "list-interfaces")]
    pub list: bool,

    /// Say nothing on standard error but errors
    #[arg(short = 'Q', long = "silent")]
    pub silent: bool,

    #[command(flatten)]
    pub show: ShowArgs,

    /// Run this command and capture only what it and its children ask for
    #[arg(
        last = true,
        value_name = "COMMAND",
        conflicts_with_all = ["pids", "follow_forks"]
    )]
    pub command: Vec<OsString>,
}

/// A bound on a capture or a file of it, in dumpcap's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So long.
    Duration(Duration),
    /// So many packets.
    Packets(u64),
    /// So many bytes.
    Bytes(u64),
    /// So many files.
    Files(u64),
}

/// Bytes in a KB, as dumpcap counts.
const KB: u64 = 1000;

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, value) = text.split_once(':').unwrap_or((text, ""));
        let number = || match value.parse() {
            Ok(0) | Err(_) => Err(format!("`{value}` is no number above 0")),
            Ok(number) => Ok(number),
        };
        match word {
            "duration" => duration(value).map(Self::Duration),
            "packets" => number().map(Self::Packets),
            "filesize" => number().map(|size| Self::Bytes(size.saturating_mul(KB))),
            "files" => number().map(Self::Files),
            _ => Err("say duration:SECONDS, packets:N, filesize:KB or files:N".to_owned()),
        }
    }
}

/// When the flight recorder writes what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlightTrigger {
    /// At a finding of this code, or of this severity and above.
    Finding(String),
    /// When a request has waited for so long.
    Stall(Duration),
    /// At the end of the capture.
    End,
}

impl FromStr for FlightTrigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("finding", what)) => Ok(Self::Finding(what.to_owned())),
            Some(("stall", seconds)) => duration(seconds).map(Self::Stall),
            None if text == "end" => Ok(Self::End),
            _ => Err("say finding:SEVERITY, finding:CODE, stall:SECONDS or end".to_owned()),
        }
    }
}

fn duration(seconds: &str) -> Result<Duration, String> {
    let number = seconds.parse::<f64>().ok();
    number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("`{seconds}` is no number of seconds"))
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
    #[arg(long, hide = !cfg!(feature = "tui"))]
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
    pub show: ShowArgs,
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

    #[command(flatten)]
    pub live: LiveArgs,
}

impl TuiArgs {
    /// The capture file, if one is named.
    pub fn capture(&self) -> Option<&Path> {
        self.file.as_deref().or(self.input.as_deref())
    }
}
