//! `docs/kernels.md`: what the machines said, as tables.

use std::{collections::BTreeMap, fmt::Write, fs};

use anyhow::{Context, Result};

use crate::{image, machine::Arch};

/// The machines of the tables, in order.
const MACHINES: [(&str, Arch); 6] = [
    ("5.10", Arch::Amd64),
    ("6.1", Arch::Amd64),
    ("6.12", Arch::Amd64),
    ("newest", Arch::Amd64),
    ("6.1", Arch::Arm64),
    ("6.12", Arch::Arm64),
];

const INTRODUCTION: &str = "\
# Kernels

<!-- Written by `make vm TABLE=1` from the last runs of `make vm` and `make vm VM='--arch arm64' KERNEL='6.1 6.12'`. -->

Each kernel is Debian's, run in QEMU without hardware help; modules stand in
for the driver and, where it is not built in, for the VMBus. What a capture
holds is compared with what the modules logged: bytes, order, thread, return
value, and where it is seen, the ioctl. Another device of the bus is busy all
the time. [tests/vm/README.md](../tests/vm/README.md) has more.

Each kernel runs everything with what dxgtrace chooses for each function, and
with kprobes alone. The kernel skips a probe where another is running on the
processor: kprobes in an interrupt of any other, fentry only where a thread is
preempted in the same probe by another thread. Nor do kprobes run where a BPF map
is asked. A row with failures has losses that the capture did not count, or a
backend that could not be attached.
";

/// What the runs of one backend came to.
#[derive(Default)]
struct Row {
    plays: u64,
    failed: u64,
    played: u64,
    missing: u64,
    refused: Option<String>,
}

/// Writes the document from the results that the last runs have left.
pub fn write() -> Result<()> {
    let mut rows = String::new();
    let mut names = Vec::new();
    let mut programs: BTreeMap<String, BTreeMap<usize, String>> = BTreeMap::new();
    for (kernel, arch) in MACHINES {
        let folder = format!("target/vm/{kernel}-{}", arch.name());
        let path = image::root().join(folder).join("result");
        let Ok(result) = fs::read_to_string(&path) else {
            continue;
        };
        let mut name = kernel.to_owned();
        let mut by_backend: BTreeMap<String, Row> = BTreeMap::new();
        for line in result.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["kernel", release, machine] => name = format!("{release} ({machine})"),
                ["program", _, program, verified] => {
                    let counts = programs.entry(program.to_owned()).or_default();
                    counts.insert(names.len(), verified.to_owned());
                }
                ["ok" | "FAILED" | "refused", backend, life, ..] => {
                    let row = match life {
                        "late" | "again" | "hurried" | "nameless" | "unprivileged" | "crowded" => {
                            format!("{backend}, {life}")
                        }
                        _ => backend.to_owned(),
                    };
                    by_backend.entry(row).or_default().count(line);
                }
                _ => {}
            }
        }
        for (backend, row) in by_backend {
            writeln!(rows, "| {name} | {backend} | {}", row.cells())?;
        }
        names.push(name);
    }
    let mut text = INTRODUCTION.to_owned();
    text += "\n## Results\n\n\
             `late`: the driver is loaded under the capture; `again`: it is unloaded and loaded \
             again, `hurried`: and used before it is hooked; `nameless`: without its symbols, so that only the wire is seen; \
             `crowded`: while another program looks values up in a BPF map all the time; \
             `unprivileged`: by an ordinary user with CAP_BPF, CAP_PERFMON and \
             CAP_DAC_READ_SEARCH.\n\n\
             | kernel | backend | captures | packets played | missing | result |\n\
             |---|---|--:|--:|--:|---|\n";
    text += &rows;
    text += "\n## Instructions that the verifier goes through\n\n\
             Kernels before 5.16 do not tell.\n\n| program |";
    for name in &names {
        write!(text, " {name} |")?;
    }
    text += "\n|---|";
    text += &"--:|".repeat(names.len());
    for (program, counts) in &programs {
        write!(text, "\n| `{program}` |")?;
        for index in 0..names.len() {
            let count = counts.get(&index).map_or("", String::as_str);
            write!(text, " {count} |")?;
        }
    }
    text.push('\n');
    let path = image::root().join("docs/kernels.md");
    fs::write(&path, text).with_context(|| path.display().to_string())
}

impl Row {
    /// Adds a line like `ok fentry v40 v40: 575 played, 575 captured, 0 missing, ...`.
    fn count(&mut self, line: &str) {
        self.plays += 1;
        let (what, text) = line.split_once(": ").unwrap_or((line, ""));
        if what.starts_with("refused") {
            self.refused = Some(text.trim_start_matches("dxgtrace: ").to_owned());
            return;
        }
        self.failed += u64::from(what.starts_with("FAILED"));
        let number = |name: &str| {
            let part = text.split(", ").find(|part| part.ends_with(name));
            part.and_then(|part| part.split(' ').next()?.parse::<u64>().ok())
        };
        self.played += number("played").unwrap_or(0);
        self.missing += number("missing").unwrap_or(0);
    }

    fn cells(&self) -> String {
        let Self {
            plays,
            failed,
            played,
            missing,
            refused,
        } = self;
        let result = match (refused, failed, missing) {
            (Some(reason), ..) => format!("refused: {}", reason.replace('|', "/")),
            (None, 0, 0) => "equal".to_owned(),
            (None, 0, _) => "equal but for the missing, which were counted".to_owned(),
            (None, failed, _) => format!("**{failed} failed**"),
        };
        format!("{plays} | {played} | {missing} | {result} |")
    }
}
