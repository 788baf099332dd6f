//! Prints how long the host took to answer, by message:
//! `cargo run --example latency -- samples/v40.pcapng`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: latency CAPTURE")?;
    let mut capture = dxgtrace::open(path)?;
    let mut by_message: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    while let Some(record) = capture.next_record()? {
        if let (Some(request), Some(latency)) = (record.request, record.latency()) {
            by_message.entry(request.name()).or_default().push(latency);
        }
    }
    println!("message                                replies  50% us  99% us  max us");
    for (name, mut latencies) in by_message {
        latencies.sort_unstable();
        let count = latencies.len();
        let percentile = |percent: usize| latencies[(count * percent).div_ceil(100) - 1] / 1000;
        let (half, most, all) = (percentile(50), percentile(99), percentile(100));
        println!("{name:<38} {count:>7} {half:>7} {most:>7} {all:>7}");
    }
    Ok(())
}
