//! One capture of one play, compared.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use aya::programs::loaded_programs;
use dxgtrace_protocol::record::header::ChannelEvent;

use crate::{
    compare::{self, Verdict},
    device::Host,
    play,
};

const DXGTRACE: &str = "/bin/dxgtrace";
const SAMPLES: &str = "/samples";
/// Time for background work of the kernel to settle.
const SETTLE: Duration = Duration::from_millis(500);
/// Number of errors that are shown.
const SHOWN: usize = 5;

/// A sample to play.
struct Play {
    name: &'static str,
    samples: &'static [&'static str],
    /// 0: in the recorded order.
    threads: u32,
    rounds: u32,
}

const PLAYS: [Play; 4] = [
    Play {
        name: "samples",
        samples: &["v27", "v40-errors", "v40-hostmsg", "synthetic-loss"],
        threads: 0,
        rounds: 1,
    },
    Play {
        name: "v40",
        samples: &["v40"],
        threads: 0,
        rounds: 1,
    },
    Play {
        name: "one-thread",
        samples: &["v40-basic"],
        threads: 1,
        rounds: 1,
    },
    Play {
        name: "eight-threads",
        samples: &["v40-basic"],
        threads: 8,
        rounds: 2,
    },
];

/// When the driver is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Before the capture and after it.
    Whole,
    /// It is loaded under the capture.
    Late,
    /// It is unloaded under the capture, and loaded again.
    Again,
    /// As before, and used before it is hooked.
    Hurried,
    /// Before the capture and after it, while a virtual GPU comes and goes.
    Passing,
    /// Without the names of its functions: only the wire is seen.
    Nameless,
    /// Before the capture and after it, while another program uses BPF.
    Crowded,
    /// Before the capture and after it, which an ordinary user makes with
    /// nothing but the capabilities that it takes.
    Unprivileged,
}

impl Life {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// All plays with all backends, then the lives of the driver.
pub fn all() -> Result<bool, Box<dyn Error>> {
    play::offer(&Host::open()?)?;
    let mut well = true;
    load("dxgkrnl")?;
    well &= doctor_knows()?;
    for backend in ["auto", "kprobe"] {
        for play in &PLAYS {
            well &= run(backend, play)?;
        }
    }
    for backend in ["auto", "kprobe"] {
        well &= live(backend, Life::Passing)?;
        well &= live(backend, Life::Unprivileged)?;
        let mut crowd = Command::new("/proc/self/exe").arg("crowd").spawn()?;
        well &= live(backend, Life::Crowded)?;
        crowd.kill()?;
        crowd.wait()?;
    }
    unload("dxgkrnl")?;
    // A module that fentry hooks cannot be unloaded meanwhile.
    for (backend, life) in [
        ("auto", Life::Late),
        ("kprobe", Life::Late),
        ("kprobe", Life::Again),
        ("kprobe", Life::Hurried),
        ("auto", Life::Nameless),
    ] {
        well &= live(backend, life)?;
    }
    Ok(well)
}

/// One of them: a play, or a life of the driver, which must not be loaded then
/// but for `passing`.
pub fn one(backend: &str, name: &str) -> Result<bool, Box<dyn Error>> {
    play::offer(&Host::open()?)?;
    let mut lives = [
        Life::Late,
        Life::Again,
        Life::Hurried,
        Life::Passing,
        Life::Nameless,
    ]
    .into_iter();
    match lives.find(|life| life.name() == name) {
        Some(life) => live(backend, life),
        None => {
            let play = PLAYS.iter().find(|play| play.name == name);
            run(backend, play.ok_or("no such play")?)
        }
    }
}

fn live(backend: &str, life: Life) -> Result<bool, Box<dyn Error>> {
    let [first, ..] = &PLAYS;
    let sample = first.samples.first().ok_or("no sample")?;
    capture_and_compare(backend, first, sample, life)
}

fn run(backend: &str, play: &Play) -> Result<bool, Box<dyn Error>> {
    let mut well = true;
    for sample in play.samples {
        well &= capture_and_compare(backend, play, sample, Life::Whole)?;
    }
    Ok(well)
}

fn capture_and_compare(
    backend: &str,
    play: &Play,
    sample: &str,
    life: Life,
) -> Result<bool, Box<dyn Error>> {
    let name = match life {
        Life::Whole => play.name.to_owned(),
        life => life.name(),
    };
    let file = PathBuf::from("/tmp/capture.pcapng");
    let mut host = Host::open()?;
    host.forget()?;
    match life {
        Life::Again | Life::Hurried => load("dxgkrnl")?,
        Life::Nameless => load("nameless/dxgkrnl")?,
        Life::Whole | Life::Late | Life::Crowded | Life::Passing | Life::Unprivileged => {}
    }
    let mut capture = Capture::start(backend, &file, life)?;
    let started = capture.line()?;
    let Some((_, hooked)) = started.split_once("capturing by ") else {
        println!("vm: refused {backend} {name} {sample}: {}", started.trim());
        capture.child.wait()?;
        return Ok(false);
    };
    let backend = ways(hooked);
    let what = format!("{backend} {name} {sample}");
    let sample = Path::new(SAMPLES).join(format!("{sample}.pcapng"));
    if life == Life::Late {
        load("dxgkrnl")?;
        capture.hooks_driver()?;
    }
    perform(play, &sample)?;
    if matches!(life, Life::Again | Life::Hurried) {
        sleep(SETTLE);
        unload("dxgkrnl")?;
        load("dxgkrnl")?;
        if life == Life::Again {
            capture.hooks_driver()?;
        }
        let plays = if life == Life::Hurried { 10 } else { 1 };
        for _ in 0..plays {
            // A play counts from its own start.
            host.forget_sent()?;
            perform(play, &sample)?;
        }
    }
    if life == Life::Passing {
        play::come_and_go(&host)?;
    }
    // The last return probes have run when the callers are back.
    sleep(SETTLE);
    if life == Life::Whole {
        for (name, verified) in programs() {
            println!("vm: program {backend} {name} {verified}");
        }
    }
    let closing = capture.stop()?;
    if !matches!(
        life,
        Life::Whole | Life::Crowded | Life::Passing | Life::Unprivileged
    ) {
        unload("dxgkrnl")?;
    }
    let played = host.played()?;
    let mut captured = compare::read(&file)?;
    if life != Life::Passing {
        // The kernel chooses the order in which devices get their driver.
        captured
            .lives
            .sort_by_key(|(relid, event, _)| (*event != Some(ChannelEvent::Close), *relid));
    }
    let sequential = play.threads == 0;
    let mut verdict = compare::compare(&played, &captured, sequential);
    let lossless = started
        .trim()
        .ends_with("capturing by fentry; Ctrl-C stops");
    let skipped = skipped(&closing);
    let lives = channel_lives(life);
    if skipped == 0 && captured.lives != lives {
        println!(
            "vm: wrong {what}: channels {:?}, not {lives:?}",
            captured.lives
        );
        verdict.wrong.push("the life of channels".to_owned());
    }
    let well = judge(&verdict, captured.lost + skipped, lossless)
        && (matches!(life, Life::Hurried | Life::Nameless)
            || verdict.ioctls as u64 + skipped >= verdict.calls as u64);
    println!(
        "vm: {} {what}: {} played, {} captured, {} missing, {} counted as lost, \
         {skipped} calls counted as skipped, {} returns unknown, {} of {} sends with their ioctl, {} ioctl results; {}; {}",
        if well { "ok" } else { "FAILED" },
        verdict.played,
        captured.packets.len(),
        verdict.missing,
        captured.lost,
        verdict.unknown_returns,
        verdict.ioctls,
        verdict.calls,
        verdict.ioctl_ends,
        started.trim(),
        closing.trim(),
    );
    for wrong in verdict.wrong.iter().take(SHOWN) {
        println!("vm: wrong {what}: {wrong}");
    }
    Ok(well)
}

/// What happens to channels under the capture.
fn channel_lives(life: Life) -> Vec<(u32, Option<ChannelEvent>, i32)> {
    // Where the kernel's own bus is asleep, nothing happens to it.
    let ours = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    if ours.contains(" play_open") {
        return Vec::new();
    }
    let all = |event| {
        let channels = [play::GLOBAL, play::VGPUS[0], play::VGPUS[1]];
        channels.map(|relid| (relid, Some(event), 0))
    };
    match life {
        Life::Late => all(ChannelEvent::Open).to_vec(),
        Life::Again | Life::Hurried => {
            let closed = all(ChannelEvent::Close).into_iter();
            closed.chain(all(ChannelEvent::Open)).collect()
        }
        Life::Passing => [
            ChannelEvent::Offer,
            ChannelEvent::Open,
            ChannelEvent::Rescind,
            ChannelEvent::Close,
        ]
        .map(|event| (play::PASSING, Some(event), 0))
        .to_vec(),
        Life::Whole | Life::Nameless | Life::Crowded | Life::Unprivileged => Vec::new(),
    }
}

/// What was chosen, perhaps by function.
fn ways(text: &str) -> String {
    let ways = ["fentry", "kprobe"].map(|way| text.contains(way).then_some(way));
    ways.into_iter().flatten().collect::<Vec<_>>().join("+")
}

/// Whether `dxgtrace doctor` foretells by what a capture hooks.
fn doctor_knows() -> Result<bool, Box<dyn Error>> {
    let output = Command::new(DXGTRACE)
        .args(["doctor", "-T", "jsonl"])
        .output()?;
    let facts = String::from_utf8_lossy(&output.stdout);
    let would = facts.split("would use ").nth(1).unwrap_or_default();
    let (foretold, why) = would.split_once(": ").unwrap_or_default();
    let mut capture = Capture::start("auto", Path::new("/tmp/doctor.pcapng"), Life::Whole)?;
    let started = capture.line()?;
    capture.stop()?;
    let well = !foretold.is_empty() && ways(foretold) == ways(&started);
    let why = why.split('"').next().unwrap_or_default();
    println!(
        "vm: doctor {}: would use {foretold}, since {why}; {}",
        if well { "ok" } else { "FAILED" },
        started.trim()
    );
    Ok(well)
}

fn load(module: &str) -> Result<(), Box<dyn Error>> {
    busybox(&["insmod", &format!("/modules/{module}.ko")])
}

fn unload(module: &str) -> Result<(), Box<dyn Error>> {
    busybox(&["rmmod", module])
}

fn busybox(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    if !Command::new("/bin/busybox")
        .args(arguments)
        .status()?
        .success()
    {
        return Err(format!("{} has failed", arguments.join(" ")).into());
    }
    Ok(())
}

/// Calls that the kernel skipped, by the closing line: of the driver's channels
/// or of others.
fn skipped(closing: &str) -> u64 {
    let before = closing
        .split(" calls on channels of any device skipped")
        .next();
    before
        .filter(|before| before.len() < closing.len())
        .and_then(|before| before.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0)
}

/// Every packet is there, or its loss was counted.
fn judge(verdict: &Verdict, lost: u64, lossless: bool) -> bool {
    verdict.wrong.is_empty()
        && (!lossless || (verdict.missing == 0 && verdict.unknown_returns == 0))
        && verdict.played > 0
        && verdict.missing as u64 <= lost
        && verdict.unknown_returns as u64 <= lost
}

fn perform(play: &Play, sample: &Path) -> Result<(), Box<dyn Error>> {
    if play.threads == 0 {
        return Ok(play::in_order(sample)?);
    }
    let processes = play.threads.min(2);
    let mut children = Vec::new();
    for process in 0..processes {
        let child = Command::new("/proc/self/exe")
            .arg("play-at-once")
            .arg(sample)
            .arg(process.to_string())
            .arg((play.threads / processes).to_string())
            .arg(play.rounds.to_string())
            .spawn()?;
        children.push(child);
    }
    for mut child in children {
        if !child.wait()?.success() {
            return Err("a player has failed".into());
        }
    }
    Ok(())
}

struct Capture {
    child: Child,
    messages: BufReader<ChildStderr>,
}

impl Capture {
    fn start(backend: &str, file: &Path, life: Life) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(DXGTRACE);
        if life == Life::Unprivileged {
            command = Command::new("/proc/self/exe");
            command.args(["unprivileged", DXGTRACE]);
        }
        // Another user's file could not be written.
        let _ = std::fs::remove_file(file);
        command.args(["capture", "-w"]).arg(file);
        if backend != "auto" {
            command.args(["--backend", backend]);
        }
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let messages = child.stderr.take().ok_or("no standard error")?;
        Ok(Self {
            child,
            messages: BufReader::new(messages),
        })
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.messages.read_line(&mut line)?;
        Ok(line)
    }

    /// Waits until it has hooked the driver that was loaded.
    fn hooks_driver(&mut self) -> Result<(), Box<dyn Error>> {
        while let line = self.line()?
            && !line.contains("dxgkrnl is loaded")
        {
            if line.is_empty() {
                return Err("the capture has ended".into());
            }
        }
        Ok(())
    }

    /// Ends it as Ctrl-C does; gives its closing line.
    fn stop(mut self) -> Result<String, Box<dyn Error>> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        let mut closing = String::new();
        for line in self.messages.lines() {
            closing = line?;
        }
        self.child.wait()?;
        Ok(closing)
    }
}

/// The probe's programs that are loaded now, and what the verifier had to go
/// through for each, where the kernel tells.
fn programs() -> Vec<(String, String)> {
    let mut programs: Vec<_> = loaded_programs()
        .flatten()
        .filter_map(|program| {
            let name = program.name_as_str()?.to_owned();
            let ours = ["k_", "f_", "u_"]
                .iter()
                .any(|start| name.starts_with(start));
            let verified = program
                .verified_instruction_count()
                .map_or("unknown".to_owned(), |count| count.to_string());
            ours.then_some((name, verified))
        })
        .collect();
    programs.sort();
    programs
}
