//! `dxgtrace cut`: writes part of a capture, with the packets that it depends on.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;

use super::walk::{exit_after, walk};
use super::{Exit, Failure};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_render::cut::{CutCollector, CutSelection, KeepReason};

/// Size of the output buffer in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// `dxgtrace cut`
#[derive(Debug, Args)]
pub struct CutArgs {
    /// The capture file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The file to write; `-` is standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: PathBuf,

    /// Select packets with these numbers: A-B, A-, -B or A
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub frames: Option<String>,

    /// Select packets of this process
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,

    /// Select packets that contain this handle
    #[arg(long, value_name = "HANDLE")]
    pub handle: Option<String>,

    /// Select packets in this span, in seconds since the first packet
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub time: Option<String>,
}

/// Selects the packets in a first pass and writes them in a second one.
pub fn run(args: &CutArgs) -> Result<Exit, Failure> {
    let input = args.file.as_path();
    if input == Path::new("-") {
        return Err(Failure::Usage(
            "cut reads the file twice, so it cannot be standard input".to_owned(),
        ));
    }
    let selection = selection(args)?;
    let mut cut = CutCollector::new(selection);
    walk(input, &mut |entry, session, _| {
        cut.add_packet(entry.packet, entry.analysis, session);
        Ok(())
    })?;
    let kept = cut.finish();
    if kept.selected_count() == 0 {
        return Err(Failure::Input(format!(
            "{}: no packet is like that",
            input.display()
        )));
    }
    let comment = format!(
        "Cut from a longer capture by dxgtrace cut {}: {} packets chosen (with the other half of \
         their exchanges), {} added because they create what those name, or agree on version and \
         adapters. Packets are missing between them.",
        selection_arguments(args),
        kept.selected_count(),
        kept.added_count()
    );
    if same_file(input, &args.write) {
        return Err(Failure::Usage("FILE and OUT are the same file".to_owned()));
    }
    let refused = |error: io::Error| Failure::Input(format!("{}: {error}", args.write.display()));
    let about = CaptureOrigin::default();
    let output: Box<dyn io::Write> = if args.write == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        Box::new(dxgtrace_file::create(&args.write).map_err(refused)?)
    };
    let wrong = |error: dxgtrace_file::WriteError| Failure::output(error.into());
    let mut writer =
        Writer::with_comment(output, &about, &comment, FlushPolicy::Collect(BUFFER_BYTES))
            .map_err(wrong)?;
    let (_, damage) = walk(input, &mut |entry, _, comments| {
        let number = entry.packet.number;
        let Some(why) = kept.reason(number) else {
            return Ok(());
        };
        let mut comments = comments();
        match why {
            KeepReason::Selected => {}
            KeepReason::Needed => comments.push(format!(
                "cut: packet {number} of the original, kept because it creates what a chosen one names"
            )),
            KeepReason::Handshake => comments.push(format!(
                "cut: packet {number} of the original, kept because it settles version and adapters"
            )),
        }
        writer
            .write(entry.packet, entry.channels, &comments)
            .map_err(wrong)
    })?;
    writer.finish().map_err(wrong)?;
    exit_after([damage])
}

fn selection(args: &CutArgs) -> Result<CutSelection, Failure> {
    let usage = |what: &str| Failure::Usage(what.to_owned());
    let nothing =
        args.frames.is_none() && args.pid.is_none() && args.handle.is_none() && args.time.is_none();
    if nothing {
        return Err(usage(
            "say which packets: --frames, --pid, --handle or --time",
        ));
    }
    let frames = args.frames.as_deref().map(|text| {
        range(text, |number| number.parse::<u64>().ok())
            .ok_or_else(|| usage("--frames wants A-B, as in 100-200"))
    });
    let handle = args.handle.as_deref().map(|text| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        u64::from_str_radix(digits, 16)
            .map_err(|_| usage("--handle wants a hexadecimal number, as in 0x40000080"))
    });
    let time = args.time.as_deref().map(|text| {
        range(text, seconds).ok_or_else(|| usage("--time wants A-B in seconds, as in 1.5-3"))
    });
    Ok(CutSelection {
        frames: frames.transpose()?,
        pid: args.pid,
        handle: handle.transpose()?,
        time: time.transpose()?,
    })
}

/// Parses `A-B`, `A-`, `-B` or `A`.
fn range(text: &str, parse: impl Fn(&str) -> Option<u64>) -> Option<RangeInclusive<u64>> {
    let range = match text.split_once('-') {
        Some(("", "")) => return None,
        Some(("", to)) => 0..=parse(to)?,
        Some((from, "")) => parse(from)?..=u64::MAX,
        Some((from, to)) => parse(from)?..=parse(to)?,
        None => parse(text)?..=parse(text)?,
    };
    (range.start() <= range.end()).then_some(range)
}

/// Parses seconds into nanoseconds.
fn seconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    // In this range, the nanoseconds fit into u64.
    (0.0..1e9)
        .contains(&seconds)
        .then_some((seconds * 1e9) as u64)
}

/// The arguments that select packets, as they were given.
fn selection_arguments(args: &CutArgs) -> String {
    let mut words = Vec::new();
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("--{name} {value}")));
    };
    word("frames", args.frames.clone());
    word("pid", args.pid.map(|pid| pid.to_string()));
    word("handle", args.handle.clone());
    word("time", args.time.clone());
    words.join(" ")
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
