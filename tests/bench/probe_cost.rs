//! What the probe costs and whether it keeps up: sends messages from a stand-in
//! and prints the kernel's own account of the programs' run time, the reader's
//! processor time, and what was lost.
//!
//! `probe-cost [THREADS [RATE [SIZE [SECONDS]]]]`; needs root, and
//! `sysctl kernel.bpf_stats_enabled=1` for the run times.

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use std::{io::Write, process::Command, time::Duration};

    use anyhow::Context;
    use dxgtrace::{
        capture::live::{Live, Options, Target},
        replay::StandIn,
    };

    let given: Vec<String> = std::env::args().skip(1).collect();
    let defaults = ["4", "100000", "256", "10"];
    let load: Vec<&str> = (0..defaults.len())
        .filter_map(|index| {
            given
                .get(index)
                .map(String::as_str)
                .or(defaults.get(index).copied())
        })
        .collect();
    let program = std::env::current_exe()?.with_file_name("standin");
    let mut standin = StandIn::spawn(Command::new(program).arg("load").args(&load))
        .context("build the stand-in too: cargo build --release -p dxgtrace-tests")?;
    let target = Target::StandIn(standin.pid());
    let mut live = Live::start(&Options {
        target,
        ..Options::default()
    })?;
    standin.go()?;
    let (mut packets, mut programs) = (0u64, Vec::new());
    loop {
        match live.next(Duration::from_millis(100))? {
            Some(delivery) => packets += u64::from(delivery.packet.is_message()),
            None if !programs.is_empty() => break,
            None if standin.has_ended()? => {
                programs = live.programs();
                live.stop();
            }
            None => {}
        }
    }
    let totals = live.totals();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "captured {packets} of {} messages; lost: {:?}",
        totals.sends, totals.lost
    )?;
    let mut whole = 0;
    for program in programs {
        whole += program.run_time;
        writeln!(
            out,
            "{:16} {:6} instructions verified, {:9} runs, {:6} ns each",
            program.name,
            program.verified_instructions.unwrap_or(0),
            program.runs,
            program.run_time.checked_div(program.runs).unwrap_or(0),
        )?;
    }
    let each = whole.checked_div(totals.sends).unwrap_or(0);
    writeln!(out, "{each} ns a message in all programs")?;
    let usage = std::fs::read_to_string("/proc/self/stat")?;
    // utime and stime in ticks of 10 ms: fields 14 and 15
    let ticks: u64 = usage
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    writeln!(out, "reader: {} ms of processor time", ticks * 10)?;
    Ok(())
}
