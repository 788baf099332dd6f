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

/// Arguments of every command that captures live.
#[derive(Debug, Clone, Default, Args)]
pub struct LiveArgs {
    /// Keep at most this many bytes of each message
    #[arg(short = 's', long = "snaplen", value_name = "BYTES")]
    pub snap: Option<u32>,

    /// Size of the kernel's buffer in MiB
    #[arg(short = 'B', long = "buffer", value_name = "MIB")]
    pub buffer: Option<u32>,

    /// Capture only requests of this process; may be repeated
    #[arg(long = "pid", value_name = "PID")]
    pub pids: Vec<u32>,

    /// With --pid: also capture requests of all its descendants
    #[arg(long = "follow-forks", requires = "pids")]
    pub follow_forks: bool,

    /// Capture only requests of threads with this name
    #[arg(long = "comm", value_name = "NAME")]
    pub comm: Option<String>,

    /// Hook the driver with this backend instead of the best that works
    #[arg(long = "backend", value_name = "BACKEND")]
    pub backend: Option<BackendArg>,

    /// Wait for VMBus if it is not there yet
    #[arg(long = "wait", conflicts_with = "stand_in")]
    pub wait: bool,

    /// Capture a stand-in (`dxgtrace replay --wait`) instead of the driver: a
    /// process, or all processes that run a program
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

/// The stand-in to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandInArg {
    /// The process with this id.
    Process(u32),
    /// All processes that run a program, including those that start later.
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
  dxgtrace capture                              one line for each message, until Ctrl-C
  dxgtrace capture -w gpu.pcapng -a duration:30
  dxgtrace capture -P -w gpu.pcapng             write to a file and show packets
  dxgtrace capture -f 'comm python3 and channel vgpu0'
  dxgtrace capture -i 00000000-0001d4c5         one virtual GPU; -D lists them
  dxgtrace capture -w - | wireshark -k -i -

If rights are missing, an error message names them; `dxgtrace doctor` examines the machine.")]
pub struct CaptureArgs {
    /// Write the packets to a capture file; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Stop after this many messages
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub count: Option<u64>,

    /// Stop at this limit: duration:SECONDS, packets:N, filesize:KB, or with -b
    /// files:N; may be repeated
    #[arg(short = 'a', long = "autostop", value_name = "LIMIT")]
    pub stop: Vec<Limit>,

    /// Switch to the next file at this limit: filesize:KB, duration:SECONDS or
    /// packets:N; with files:N, keep only the latest N files; may be repeated
    #[arg(
        short = 'b',
        long = "ring-buffer",
        value_name = "LIMIT",
        requires = "write"
    )]
    pub ring: Vec<Limit>,

    /// Flight recorder: keep the latest packets in memory, within duration:SECONDS,
    /// filesize:KB or packets:N, and write them to a new file at each event of
    /// --when and at SIGUSR1; with files:N, keep only the latest N files; may be
    /// repeated
    #[arg(
        long = "keep",
        value_name = "LIMIT",
        requires = "write",
        conflicts_with = "ring"
    )]
    pub keep: Vec<Limit>,

    /// With --keep: write at this event: finding:SEVERITY, finding:CODE,
    /// stall:SECONDS (a request has no reply for this time), log:REGEX (a line of the
    /// kernel log) or end; may be repeated; default finding:error
    #[arg(long = "when", value_name = "EVENT", requires = "keep")]
    pub when: Vec<FlightTrigger>,

    /// With --keep: run a command for each file that is written; it ends with an
    /// argument `;`. No shell; DXGTRACE_FILE and DXGTRACE_REASON are set; its output
    /// is discarded, and after 60 s it is killed
    #[arg(
        long = "run",
        value_name = "COMMAND",
        num_args = 1..,
        value_terminator = ";",
        allow_hyphen_values = true,
        requires = "keep"
    )]
    pub run: Vec<OsString>,

    /// With --when log:REGEX: watch this file or FIFO instead of /dev/kmsg
    #[arg(long = "kernel-log", value_name = "FILE", requires = "when")]
    pub kernel_log: Option<PathBuf>,

    #[command(flatten)]
    pub live: LiveArgs,

    /// Capture filter: `pid N`, `comm NAME`, `channel CHANNEL`, joined by `and`, or by `or` between
    /// values of one kind; pid and comm are filtered in the kernel, channels in user space. May
    /// also be the last argument, without -f
    #[arg(short = 'f', long = "capture-filter", value_name = "EXPR")]
    pub choice: Option<String>,

    /// The capture filter, in tcpdump's place
    #[arg(value_name = "EXPR", conflicts_with = "choice", hide = true)]
    pub words: Vec<String>,

    /// List the channels that the host offers to this machine, with what -i takes, and exit
    #[arg(short = 'D', long = "list-interfaces")]
    pub list: bool,

    /// Print only errors on standard error
    #[arg(short = 'Q', long = "silent")]
    pub silent: bool,

    #[command(flatten)]
    pub show: ShowArgs,

    /// Run this command and capture only requests of it and its children
    #[arg(
        last = true,
        value_name = "COMMAND",
        conflicts_with_all = ["pids", "follow_forks"]
    )]
    pub command: Vec<OsString>,
}

/// A limit of a capture or of each of its files, in dumpcap's syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `duration:SECONDS`
    Duration(Duration),
    /// `packets:N`
    Packets(u64),
    /// `filesize:KB`, in bytes
    Bytes(u64),
    /// `files:N`
    Files(u64),
}

/// Bytes in a KB, as in dumpcap.
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

/// An event at which the flight recorder writes its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlightTrigger {
    /// A finding with this code, or of this severity or higher.
    Finding(String),
    /// A request has had no reply for this time.
    Stall(Duration),
    /// A line of the kernel log that matches this regular expression.
    Log(String),
    /// The end of the capture.
    End,
}

impl FromStr for FlightTrigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("finding", what)) => Ok(Self::Finding(what.to_owned())),
            Some(("stall", seconds)) => duration(seconds).map(Self::Stall),
            Some(("log", pattern)) if !pattern.is_empty() => Ok(Self::Log(pattern.to_owned())),
            None if text == "end" => Ok(Self::End),
            _ => Err(
                "say finding:SEVERITY, finding:CODE, stall:SECONDS, log:REGEX or end".to_owned(),
            ),
        }
    }
}

fn duration(seconds: &str) -> Result<Duration, String> {
    let number = seconds.parse::<f64>().ok();
    number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("`{seconds}` is no number of seconds"))
}

/// `dxgtrace pending`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  dxgtrace pending                      who waits for what, over 5 seconds
  dxgtrace pending --for 60 --hang 20   a wait hangs once it lasts 20 seconds
  dxgtrace pending --for 10 || systemctl restart inference

Exit codes: 0 nothing hangs, 4 something does, 3 it cannot be told.

The capture begins with the command. Of a wait that began before, /proc shows
the ioctl and for how long it was seen here, but not the message or the fence.")]
pub struct PendingArgs {
    /// Watch for this long
    #[arg(long = "for", value_name = "SECONDS", default_value = "5")]
    pub duration: f64,

    /// Look at what waits this many times
    #[arg(
        long = "samples",
        value_name = "N",
        default_value = "10",
        value_parser = clap::value_parser!(u32).range(2..=1000)
    )]
    pub samples: u32,

    /// A wait hangs if it lasts at least this long and has not ended with the
    /// last sample; without it: half of --for
    #[arg(long = "hang", value_name = "SECONDS")]
    pub hang: Option<f64>,

    #[command(flatten)]
    pub live: LiveArgs,
}

/// `dxgtrace replay`
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The capture file; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Print `ready PID`, and play once a line arrives on standard input
    #[arg(long)]
    pub wait: bool,

    /// Play at the recorded pace, or faster by this factor
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1")]
    pub speed: Option<f64>,

    /// Let another device send and receive between the packets
    #[arg(long)]
    pub noise: bool,

    /// Write the packets that a capture of this must contain to a capture file
    #[arg(long, value_name = "FILE")]
    pub played: Option<PathBuf>,
}

/// `dxgtrace demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Show the packets in the terminal UI
    #[arg(long, hide = !cfg!(feature = "tui"))]
    pub tui: bool,

    /// The capture file to play; without one, a sample that is built in
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Write the packets to a capture file as well
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Play at the recorded pace, or faster by this factor
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

    /// The capture file, with tshark's flag
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub input: Option<PathBuf>,

    /// Show only packets that match this display filter
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
