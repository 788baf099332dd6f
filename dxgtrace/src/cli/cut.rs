//! `dxgtrace cut`: its arguments.

use std::path::PathBuf;

use clap::Args;

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
