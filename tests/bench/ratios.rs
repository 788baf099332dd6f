//! The program against others on the same file, in one run: against walking
//! the file's blocks with pcap-file, and against tshark with the dissector.
//!
//! Read the ratios; the times are of this machine. They are processor time, so
//! that other load matters less. `DXGTRACE_BENCH_PACKETS` sets the length of
//! the file.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dxgtrace_tests::{many, program, requirement, samples};
use pcap_file::pcapng::PcapNgReader;

/// Runs of each; the median counts.
const RUNS: usize = 5;

/// What a run in this thread spends; the time of day where the system does not
/// tell processor time.
fn cost(run: impl FnOnce()) -> Duration {
    let (before, start) = (system::spent(), Instant::now());
    run();
    match (before, system::spent()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => start.elapsed(),
    }
}

/// What a program with one thread spends, the same way.
fn cost_of(command: &mut Command) -> Duration {
    let start = Instant::now();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let spent = system::spent_by(&child);
    assert!(child.wait().unwrap().success());
    spent.unwrap_or_else(|| start.elapsed())
}

#[cfg(target_os = "linux")]
mod system {
    use std::process::Child;
    use std::time::Duration;

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    use rustix::time::{ClockId, clock_gettime};

    /// Processor time of this thread.
    pub fn spent() -> Option<Duration> {
        clock_gettime(ClockId::ThreadCPUTime).try_into().ok()
    }

    /// Processor time of a program, once it has ended: before it is waited for,
    /// it can be asked in nanoseconds.
    pub fn spent_by(child: &Child) -> Option<Duration> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(child)), ended).ok()?;
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", child.id())).ok()?;
        let nanoseconds = text.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::process::Child;
    use std::time::Duration;

    pub fn spent() -> Option<Duration> {
        None
    }

    pub fn spent_by(_: &Child) -> Option<Duration> {
        None
    }
}

fn median(mut cost: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| cost()).collect();
    times.sort();
    times[RUNS / 2]
}

fn dxgtrace(arguments: &[&str], path: &Path) -> Duration {
    let program = program::path().unwrap();
    median(|| cost_of(Command::new(program).args(arguments).arg(path)))
}

fn tshark(arguments: &[&str], path: &Path) -> Duration {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../dissectors/dxg.lua");
    let script = format!("lua_script:{script}");
    let mut command = Command::new("tshark");
    cost_of(
        command
            .args(["-X", &script])
            .args(arguments)
            .arg("-r")
            .arg(path),
    )
}

fn main() {
    let count: u64 = std::env::var("DXGTRACE_BENCH_PACKETS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(200_000);
    for sample in ["v40", "v40-errors", "v40-leak"] {
        let sample_file = samples().join(sample).with_extension("pcapng");
        let long = program::scratch("long.pcapng");
        many::write(&sample_file, count, &long).unwrap();
        let bytes = File::open(&long).unwrap().metadata().unwrap().len();
        println!("\n{count} packets of {} bytes ({sample})", bytes / count);

        let per_packet = |what: &str, time: Duration, against: &[(&str, Duration)]| {
            print!(
                "{what:<44}{:>9.0} ns",
                time.as_nanos() as f64 / count as f64
            );
            for (other, other_time) in against {
                print!(
                    "   {:.2} x {other}",
                    time.as_secs_f64() / other_time.as_secs_f64()
                );
            }
            println!();
        };
        let walk = || {
            let mut blocks = PcapNgReader::new(File::open(&long).unwrap()).unwrap();
            while let Some(block) = blocks.next_block() {
                block.unwrap();
            }
        };
        let walk = median(|| cost(walk));
        per_packet("pcap-file: walk the blocks", walk, &[]);
        let read = || {
            let mut reader = dxgtrace_file::open(&long).unwrap();
            while reader.next_record().unwrap().is_some() {}
        };
        let read = median(|| cost(read));
        per_packet("read the records", read, &[("walk", walk)]);
        let check = dxgtrace(&["check", "-q"], &long);
        per_packet(
            "dxgtrace check: pair, check and track",
            check,
            &[("walk", walk)],
        );
        let text = dxgtrace(&["read"], &long);
        per_packet("dxgtrace read", text, &[("walk", walk)]);
        let json = dxgtrace(&["read", "-T", "jsonl"], &long);
        per_packet("dxgtrace read -T jsonl", json, &[("walk", walk)]);
        if requirement::program("tshark") {
            let lines = tshark(&[], &long);
            let tree = tshark(&["-T", "json"], &long);
            per_packet(
                "tshark with dxg.lua: text",
                lines,
                &[("check", check), ("text", text)],
            );
            per_packet("tshark with dxg.lua: -T json", tree, &[("jsonl", json)]);
        }
        // It may be gigabytes.
        std::fs::remove_file(&long).unwrap();
    }
}
