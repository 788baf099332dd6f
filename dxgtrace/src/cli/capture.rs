//! `dxgtrace capture`: its arguments.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ShowArgs;

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
