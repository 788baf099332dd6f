//! Prints the messages of a capture, and what is wrong with them:
//! `cargo run --example findings -- samples/v40-errors.pcapng`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: findings CAPTURE")?;
    let mut capture = dxgtrace::open(path)?;
    while let Some(record) = capture.next_record()? {
        println!("{:>6} {}", record.packet.number, record.summary());
        for finding in record.findings {
            println!("       {}", finding.comment());
        }
    }
    for (packet, finding) in capture.finish() {
        println!("{packet:>6} {}", finding.comment());
    }
    Ok(())
}
