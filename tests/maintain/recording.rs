//! `maintain convert`: converts a recording of the real driver on an emulated
//! VMBus to a capture file. The format of recordings is described in
//! `tests/recording/mod.rs`.

use std::fs::File;
use std::io::{self, BufReader, Write};

use anyhow::{Context, Result, bail};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer, create};
use dxgtrace_tests::recording::{Phase, convert, phases, read};

const USAGE: &str = "\
usage: maintain convert [--run NAME]... [--limit COUNT] RECORDING.jsonl CAPTURE.pcapng

  --run NAME     only this run; `start-up` and `shut-down` are runs too (default: all)
  --limit COUNT  only the first COUNT packets

Prints a table of the runs with their frame numbers.
";

struct Arguments {
    runs: Vec<String>,
    limit: usize,
    recording: String,
    capture: String,
}

fn parse(words: &[String]) -> Result<Option<Arguments>> {
    let mut runs = Vec::new();
    let mut limit = usize::MAX;
    let mut files = Vec::new();
    let mut words = words.iter().cloned();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-h" | "--help" => return Ok(None),
            "--run" => runs.push(words.next().context("--run needs a name")?),
            "--limit" => limit = words.next().context("--limit needs a number")?.parse()?,
            option if option.starts_with('-') => bail!("unknown option {option}"),
            _ => files.push(word),
        }
    }
    let [recording, capture]: [String; 2] = files
        .try_into()
        .map_err(|_| anyhow::anyhow!("two files are needed; see --help"))?;
    Ok(Some(Arguments {
        runs,
        limit,
        recording,
        capture,
    }))
}

/// Converts as the arguments say, or says what they are.
pub fn convert_file(arguments: &[String]) -> Result<()> {
    match parse(arguments)? {
        Some(arguments) => run(&arguments),
        None => Ok(io::stdout().write_all(USAGE.as_bytes())?),
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let recording = &arguments.recording;
    let input = File::open(recording).with_context(|| recording.clone())?;
    let events = read(BufReader::new(input)).with_context(|| recording.clone())?;
    let (channels, packets) = convert(&events)?;
    let phases = phases(&events);
    for name in &arguments.runs {
        if !phases.iter().any(|phase| phase.name == *name) {
            let known: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
            bail!("no run {name}; there are: {}", known.join(", "));
        }
    }
    let chosen = |phase: &&Phase| arguments.runs.is_empty() || arguments.runs.contains(&phase.name);

    let about = CaptureOrigin {
        hardware: "x86_64 (QEMU, emulated VMBus and host)".to_owned(),
        os: "Debian, Linux 6.1.0-54-amd64".to_owned(),
        application: "dxgtrace recording-to-pcapng".to_owned(),
    };
    let output = create(arguments.capture.as_ref()).with_context(|| arguments.capture.clone())?;
    let mut writer = Writer::new(output, &about, FlushPolicy::Collect(1 << 16))?;
    let mut table = String::from("| frames | run | sent | received |\n|---|---|--:|--:|\n");
    let mut left = arguments.limit;
    for phase in phases.iter().filter(chosen) {
        let first = writer.records() + 1;
        let mut sent = 0;
        let inside = |event: usize| (phase.start..phase.end).contains(&event);
        for packet in packets.iter().filter(|packet| inside(packet.event)) {
            if left == 0 {
                break;
            }
            left -= 1;
            let packet = packet.packet(writer.records() + 1);
            writer.write(&packet, &channels, &[])?;
            sent += u64::from(packet.header.direction as u8 == 0);
        }
        let last = writer.records();
        if last >= first {
            let received = last + 1 - first - sent;
            table += &format!(
                "| {first}-{last} | {} | {sent} | {received} |\n",
                phase.name
            );
        }
    }
    writer.finish()?;
    io::stdout().write_all(table.as_bytes())?;
    Ok(())
}
