//! Writes captures of any length by repeating a sample.

use std::path::Path;

use anyhow::Result;
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::RecordHeader;

/// A packet that owns its payload.
struct Owned {
    time: u64,
    interface: u32,
    header: RecordHeader,
    payload: Vec<u8>,
}

/// Writes `count` packets to `path`: those of `sample`, repeated with later times and
/// other transaction ids, so that no two requests of the file have the same id.
///
/// # Errors
/// A file cannot be read or written, or the sample has no packets.
pub fn write(sample: &Path, count: u64, path: &Path) -> Result<()> {
    let (channels, packets) = load(sample)?;
    let span = match (packets.first(), packets.last()) {
        (Some(first), Some(last)) => last.time - first.time + 1_000_000,
        _ => anyhow::bail!("{} has no packets", sample.display()),
    };
    let ids = packets.iter().map(|packet| packet.header.transaction).max();
    let ids = ids.unwrap_or(0);
    let mut writer = Writer::new(
        dxgtrace_file::create(path)?,
        &CaptureOrigin::default(),
        FlushPolicy::Collect(1 << 16),
    )?;
    for (number, (round, packet)) in (1..=count).zip(rounds(&packets)) {
        let mut header = packet.header;
        if header.transaction > 0 {
            header.transaction += round * ids;
        }
        let packet = Packet {
            number,
            time: packet.time + round * span,
            interface: packet.interface,
            header: &header,
            payload: &packet.payload,
        };
        writer.write(&packet, &channels, &[])?;
    }
    writer.finish()?;
    Ok(())
}

/// Repeats the packets endlessly, each with the number of the repetition.
fn rounds(packets: &[Owned]) -> impl Iterator<Item = (u64, &Owned)> {
    (0..).flat_map(move |round| packets.iter().map(move |packet| (round, packet)))
}

fn load(sample: &Path) -> Result<(Vec<Channel>, Vec<Owned>)> {
    let mut reader = dxgtrace_file::open(sample)?;
    let mut packets = Vec::new();
    while let Some(record) = reader.next_record()? {
        let packet = record.packet;
        packets.push(Owned {
            time: packet.time,
            interface: packet.interface,
            header: *packet.header,
            payload: packet.payload.to_vec(),
        });
    }
    Ok((reader.channels().to_vec(), packets))
}
