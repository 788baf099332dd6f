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
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use dxgtrace::capture::file;
use dxgtrace_tests::{many, program, requirement, samples};
use pcap_file::pcapng::PcapNgReader;

/// Runs of each; the median counts.
const RUNS: usize = 5;

/// Processor time of this process and of the children that have ended, as far
/// as the system tells; else the time of day since the start.
fn spent() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Nanoseconds of this thread; hundredths of a second of children.
    let own = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let own = own.and_then(|text| text.split(' ').next()?.parse().ok());
    let stat = std::fs::read_to_string("/proc/self/stat").ok();
    let children = stat.and_then(|text| {
        let fields = text.rsplit_once(')')?.1.split(' ').skip(14).take(2);
        Some(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
    });
    match (own, children) {
        (Some(own), Some(ticks)) => {
            let ticks: u64 = ticks;
            Duration::from_nanos(own) + Duration::from_millis(10 * ticks)
        }
        _ => START.elapsed(),
    }
}

/// What a run spends.
fn cost(run: impl FnOnce()) -> Duration {
    let before = spent();
    run();
    spent().saturating_sub(before)
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| cost(&mut run)).collect();
    times.sort();
    times[RUNS / 2]
}

fn dxgtrace(arguments: &[&str], path: &Path) -> Duration {
    let program = program::path().unwrap();
    median(|| {
        let status = Command::new(program)
            .args(arguments)
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    })
}

fn tshark(arguments: &[&str], path: &Path) -> Duration {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../dissectors/dxg.lua");
    let run = || {
        let status = Command::new("tshark")
            .arg("-X")
            .arg(format!("lua_script:{script}"))
            .args(arguments)
            .arg("-r")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    };
    cost(run)
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
        let walk = median(|| {
            let mut blocks = PcapNgReader::new(File::open(&long).unwrap()).unwrap();
            while let Some(block) = blocks.next_block() {
                block.unwrap();
            }
        });
        per_packet("pcap-file: walk the blocks", walk, &[]);
        let read = median(|| {
            let mut reader = file::open(&long).unwrap();
            while reader.next_record().unwrap().is_some() {}
        });
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
    }
}
