//! What can be said of any live capture.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

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
