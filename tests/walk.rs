//! How long reading takes, beside only walking the blocks with pcap-file.
//! `cargo run --release -p dxgtrace-tests --example walk [PACKETS [SAMPLE]]`

use std::fs::File;
use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::Result;
use dxgtrace::capture::file::{self, About, Flush, RandomReader, Reader, RecordAt, Writer};
use dxgtrace::check::Severity;
use dxgtrace::session::Session;
use dxgtrace_tests::{samples, synthetic};
use pcap_file::pcapng::PcapNgReader;

/// Packets of the driver's start, at the head of each recording.
const START_UP: usize = 6;

fn main() -> Result<()> {
    let count: u64 = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 1_000_000,
    };
    let sample = std::env::args().nth(2).unwrap_or("v40-errors".to_owned());
    let (channels, packets) = synthetic::load(&samples().join(sample + ".pcapng"))?;
    let path = std::env::temp_dir().join("dxgtrace-walk.pcapng");
    let start = Instant::now();
    let output = file::create(&path)?;
    let mut writer = Writer::new(output, &About::default(), Flush::Collect(1 << 16))?;
    // Over and over again what comes after the start-up, as if the same
    // programs ran again: ids and times go on.
    let (head, body) = packets.split_at(START_UP);
    let highest = packets.iter().map(|packet| packet.header.transaction).max();
    for number in 1..=count {
        let round = (number - 1).saturating_sub(START_UP as u64) / body.len() as u64;
        let place = (number - 1) as usize;
        let mut packet = match head.get(place) {
            Some(packet) => packet.clone(),
            None => body[(place - START_UP) % body.len()].clone(),
        };
        if packet.header.transaction > 0 {
            packet.header.transaction += round * highest.unwrap_or(0);
        }
        packet.time += round * 60_000_000_000;
        writer.write(&packet.packet(number), &channels, &[])?;
    }
    writer.finish()?;
    let per = |start: Instant| start.elapsed().as_nanos() as f64 / count as f64;
    let size = std::fs::metadata(&path)?.len() as f64 / count as f64;
    let mut out = stdout().lock();
    writeln!(out, "{count} packets of {size:.0} bytes each in the file")?;
    writeln!(out, "write, collected        {:6.1} ns/packet", per(start))?;

    for _ in 0..3 {
        let start = Instant::now();
        let mut blocks = PcapNgReader::new(File::open(&path)?)?;
        while let Some(block) = blocks.next_block() {
            block?;
        }
        writeln!(out, "pcap-file, blocks       {:6.1} ns/packet", per(start))?;
        let start = Instant::now();
        let mut blocks = PcapNgReader::new(File::open(&path)?)?;
        while let Some(block) = blocks.next_raw_block() {
            block?;
        }
        writeln!(out, "pcap-file, raw blocks   {:6.1} ns/packet", per(start))?;
        let start = Instant::now();
        let mut reader = Reader::new(File::open(&path)?)?;
        let mut index: Vec<RecordAt> = Vec::new();
        while let Some(record) = reader.next_record()? {
            index.push(record.at);
        }
        writeln!(out, "Reader, with an index   {:6.1} ns/packet", per(start))?;
        let start = Instant::now();
        let mut checked = Reader::new(File::open(&path)?)?;
        let mut session = Session::new();
        let mut found = [0_u64; Severity::ALL.len()];
        while let Some(record) = checked.next_record()? {
            session.see(&record.packet, &mut |finding| {
                found[finding.code.severity() as usize] += 1;
            });
        }
        let text = format!("{} objects, {found:?}", session.object_count());
        writeln!(
            out,
            "Reader and Session      {:6.1} ns/packet, {text}",
            per(start)
        )?;
        let start = Instant::now();
        let mut random = RandomReader::new(File::open(&path)?, reader.into_layout());
        let mut taken = 0;
        for (number, at) in (1..).zip(&index).step_by(997) {
            random.read_at(number, *at)?;
            taken += 1;
        }
        let each = start.elapsed().as_nanos() as f64 / f64::from(taken);
        writeln!(out, "RandomReader            {each:6.1} ns/record")?;
    }
    std::fs::remove_file(&path)?;
    Ok(())
}
