//! Runs inside the virtual machine: plays, captures with `dxgtrace`, and
//! compares. Results are lines that begin with `vm:`; `tests/vm/main.rs` reads
//! them from the console.
#![cfg_attr(
    not(target_os = "linux"),
    expect(unused, reason = "there are no such machines elsewhere")
)]
#![allow(
    clippy::print_stdout,
    reason = "it reports on the console and has no other output"
)]

mod compare;
mod crowd;
mod device;
mod play;
mod rights;
mod scenario;

use std::{error::Error, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("vm: error {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was well.
fn run(words: &[&str]) -> Result<bool, Box<dyn Error>> {
    match *words {
        ["scenarios"] => scenario::all(),
        ["scenario", backend, play] => scenario::one(backend, play),
        ["crowd"] => Ok(crowd::crowd()?),
        ["unprivileged", ref command @ ..] => rights::exec(command),
        ["offer"] => Ok(play::offer(&device::Host::open()?).map(|()| true)?),
        ["play", sample] => Ok(play::in_order(Path::new(sample)).map(|()| true)?),
        ["play-at-once", sample, process, threads, rounds] => Ok(play::at_once(
            Path::new(sample),
            process.parse()?,
            threads.parse()?,
            rounds.parse()?,
        )
        .map(|()| true)?),
        _ => Err(
            "usage: vm-guest scenarios | scenario BACKEND PLAY | offer | play SAMPLE | \
                  play-at-once SAMPLE PROCESS THREADS ROUNDS | crowd | unprivileged COMMAND..."
                .into(),
        ),
    }
}
