//! `dxgtrace capture`: its arguments.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{LiveArgs, ShowArgs};

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
