//! Boots kernels in QEMU and captures there: see `tests/vm/README.md`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod image;
mod machine;
mod table;

use std::{path::PathBuf, process::ExitCode, thread, time::Duration};

use anyhow::{Context, Result, anyhow, bail};

use machine::{Arch, Machine};

const KERNELS: [&str; 4] = ["5.10", "6.1", "6.12", "newest"];

const USAGE: &str = "\
usage: vm [KERNEL]... [--arch amd64|arm64] [--script FILE] [--timeout SECONDS] [--cpus N] [--debug]
       vm --table

KERNEL is 5.10, 6.1, 6.12 or newest; all four if none is given.
--script FILE  run this shell script in the machine instead of all scenarios
--timeout S    give up after S seconds (900)
--cpus N       with N processors (2)
--debug        build without optimization
--table        write docs/kernels.md from the results of the last runs";

/// What the command line asks for.
pub struct Options {
    kernels: Vec<String>,
    arch: Arch,
    script: PathBuf,
    timeout: Duration,
    cpus: u32,
    release: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = if words == ["--table"] {
        table::write().map(|()| true)
    } else {
        options(words.into_iter()).and_then(|options| run(&options))
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let folder = image::root().join("tests/vm");
    let mut options = Options {
        kernels: Vec::new(),
        arch: Arch::Amd64,
        script: folder.join("scenarios.sh"),
        timeout: Duration::from_secs(900),
        cpus: 2,
        release: true,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().context(USAGE);
        match word.as_str() {
            "--arch" => options.arch = Arch::from_name(&value()?).context(USAGE)?,
            "--script" => options.script = value()?.into(),
            "--timeout" => options.timeout = Duration::from_secs(value()?.parse()?),
            "--cpus" => options.cpus = value()?.parse()?,
            "--debug" => options.release = false,
            kernel if KERNELS.contains(&kernel) => options.kernels.push(word),
            _ => bail!(USAGE),
        }
    }
    if options.kernels.is_empty() {
        options.kernels = KERNELS.map(str::to_owned).to_vec();
    }
    Ok(options)
}

fn run(options: &Options) -> Result<bool> {
    let programs = machine::build(options)?;
    // A machine takes one processor.
    let at_a_time = thread::available_parallelism().map_or(1, usize::from);
    let mut well = true;
    for kernels in options.kernels.chunks(at_a_time) {
        let runs: Vec<_> = thread::scope(|scope| {
            let run = |kernel: &str| Machine::prepare(kernel, options, &programs)?.run(options);
            let started: Vec<_> = kernels
                .iter()
                .map(|kernel| scope.spawn(move || run(kernel)))
                .collect();
            started.into_iter().map(|machine| machine.join()).collect()
        });
        for run in runs {
            let run = run.map_err(|_| anyhow!("the thread of a machine panicked"))??;
            println!("{}", run.summary());
            well &= run.well();
        }
    }
    Ok(well)
}
