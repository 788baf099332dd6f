//! What the probe costs and whether it keeps up: sends messages of 256 bytes
//! from a stand-in, and lets the kernel account for the programs that see them.
//!
//! First beside bpftrace, which copies the same bytes at the same hook in the
//! same run; then at 100,000 messages a second for 10 seconds with default
//! buffers. Needs root. `DXGTRACE_BENCH_RATE` sets another rate.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use anyhow::{Context, Result};
    use aya::programs::loaded_programs;
    use aya::sys::{Stats, enable_stats};
    use dxgtrace_live::{CaptureOptions, CaptureTarget, Live, ProgramReport};
    use dxgtrace_standin::StandIn;
    use dxgtrace_tests::requirement;

    /// bpftrace copies at most 200 bytes of one buffer.
    const SCRIPT: &str =
        r#":vmbus_sendpacket { printf("%r%r\n", buf(arg1, 128), buf(arg1 + 128, 128)); }"#;

    pub fn main() -> Result<()> {
        if !requirement::live() {
            return Ok(());
        }
        // The kernel counts while this is open.
        let _counting = enable_stats(Stats::RunTime)?;
        if requirement::program("bpftrace") {
            beside_bpftrace()?;
        }
        let rate = std::env::var("DXGTRACE_BENCH_RATE").unwrap_or_else(|_| "100000".to_owned());
        keeping_up(&rate)
    }

    fn beside_bpftrace() -> Result<()> {
        let mut standin = load(["2", "20000", "256", "5"])?;
        let mut live = start(&standin)?;
        let before = run_times();
        let mut tracer = Bpftrace::start()?;
        standin.go()?;
        let programs = drain(&mut live, &mut standin)?;
        let theirs: Vec<_> = run_times()
            .into_iter()
            .filter(|(id, _)| !before.contains_key(id))
            .map(|(_, times)| times)
            .collect();
        tracer.stop()?;
        let messages = live.totals().sends;
        let entry = programs.iter().find(|one| one.name == "u_send_entry");
        let entry = entry.context("the probe has no program at the hook")?;
        let each = |time: u64, runs: u64| time.checked_div(runs).unwrap_or(0);
        let own = each(entry.run_time, entry.runs);
        let all = each(programs.iter().map(|one| one.run_time).sum(), messages);
        let time = theirs.iter().map(|(time, _)| time).sum();
        let other = each(time, theirs.iter().map(|(_, runs)| runs).sum());
        println!("a message of 256 bytes, by the kernel's account:");
        println!(
            "  dxgtrace, same hook      {own:6} ns, {:.2} of bpftrace",
            ratio(own, other)
        );
        println!(
            "  dxgtrace, all programs   {all:6} ns, {:.2} of bpftrace",
            ratio(all, other)
        );
        println!("  bpftrace                 {other:6} ns");
        Ok(())
    }

    fn keeping_up(rate: &str) -> Result<()> {
        let mut standin = load(["2", rate, "256", "10"])?;
        let mut live = start(&standin)?;
        standin.go()?;
        let programs = drain(&mut live, &mut standin)?;
        let mut said = String::new();
        standin.output().read_line(&mut said)?;
        let totals = live.totals();
        println!("{rate} messages a second for 10 s: {}", said.trim());
        println!(
            "  {} seen, lost: ring full {}, unreadable {}",
            totals.sends, totals.lost.ring_full, totals.lost.unreadable
        );
        for program in programs.iter().filter(|program| program.runs > 0) {
            println!(
                "  {:16} {:6} instructions verified, {:9} runs, {:6} ns each",
                program.name,
                program.verified_instructions.unwrap_or(0),
                program.runs,
                program.run_time / program.runs,
            );
        }
        println!("  reader: {} ms of processor time", reader_time()?);
        Ok(())
    }

    fn load(arguments: [&str; 4]) -> Result<StandIn> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_standin"));
        Ok(StandIn::spawn(command.arg("load").args(arguments))?)
    }

    fn start(standin: &StandIn) -> Result<Live> {
        Ok(Live::start(&CaptureOptions {
            target: CaptureTarget::StandIn(standin.pid()),
            ..CaptureOptions::default()
        })?)
    }

    /// Takes packets until the stand-in has ended; what the programs did.
    fn drain(live: &mut Live, standin: &mut StandIn) -> Result<Vec<ProgramReport>> {
        let mut programs = Vec::new();
        loop {
            match live.next(Duration::from_millis(100))? {
                Some(_) => {}
                None if !programs.is_empty() => return Ok(programs),
                None if standin.has_ended()? => {
                    programs = live.programs();
                    live.stop();
                }
                None => {}
            }
        }
    }

    /// Of every program in the kernel, nanoseconds and runs.
    fn run_times() -> HashMap<u32, (u64, u64)> {
        let programs = loaded_programs().flatten();
        let times = programs.map(|one| {
            let time = u64::try_from(one.run_time().as_nanos()).unwrap_or(u64::MAX);
            (one.id(), (time, one.run_count()))
        });
        times.filter(|(_, (_, runs))| *runs > 0).collect()
    }

    fn ratio(own: u64, other: u64) -> f64 {
        own as f64 / other.max(1) as f64
    }

    /// Of this process, in ms: fields 14 and 15, in ticks of 10 ms.
    fn reader_time() -> Result<u64> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        Ok(ticks
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>()
            * 10)
    }

    struct Bpftrace(Child);

    impl Bpftrace {
        /// Starts it, and returns when it has attached. Told of the process, it
        /// would end with it, and what its program has cost would be gone.
        fn start() -> Result<Self> {
            let script = format!("uprobe:{}{SCRIPT}", env!("CARGO_BIN_EXE_standin"));
            let mut child = Command::new("bpftrace")
                .env("BPFTRACE_STRLEN", "200")
                .args(["-e", &script])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            let mut output = BufReader::new(child.stdout.take().context("no output")?);
            let mut line = String::new();
            output.read_line(&mut line)?;
            // Its output is of no interest, but must go somewhere.
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
            // It says that it attaches before it does.
            std::thread::sleep(Duration::from_secs(2));
            Ok(Self(child))
        }

        fn stop(&mut self) -> Result<()> {
            self.0.kill()?;
            self.0.wait()?;
            Ok(())
        }
    }

    impl Drop for Bpftrace {
        fn drop(&mut self) {
            // It has ended if all went well.
            let _ = self.stop();
        }
    }
}
