//! What each step costs on packets in memory: those of the samples.
#![allow(clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;

use dxgtrace_protocol::decode::{self, Payload};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::RecordHeader;
use dxgtrace_render::output::{JsonLines, TextDetail, TextWriter, TimeFormat};
use dxgtrace_session::Session;
use dxgtrace_session::entry::{Entry, Sink};

fn main() {
    divan::main();
}

struct Sample {
    channels: Vec<Channel>,
    packets: Vec<(u64, u32, RecordHeader, Vec<u8>)>,
}

impl Sample {
    fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        (1..)
            .zip(&self.packets)
            .map(|(number, (time, interface, header, payload))| Packet {
                number,
                time: *time,
                interface: *interface,
                header,
                payload,
            })
    }
}

/// The driver's ordinary work, without the start-up.
static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let mut reader =
        dxgtrace_file::open(&dxgtrace_tests::samples().join("v40-basic.pcapng")).unwrap();
    let mut packets = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let packet = record.packet;
        packets.push((
            packet.time,
            packet.interface,
            *packet.header,
            packet.payload.to_vec(),
        ));
    }
    Sample {
        channels: reader.channels().to_vec(),
        packets,
    }
});

fn over(bencher: Bencher<'_, '_>, mut each: impl FnMut(&Packet<'_>)) {
    let count = SAMPLE.packets.len();
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| SAMPLE.packets().for_each(|packet| each(&packet)));
}

#[divan::bench]
fn locate_requests(bencher: Bencher<'_, '_>) {
    over(bencher, |packet| {
        black_box(decode::request(Payload::of_packet(packet)).ok());
    });
}

#[divan::bench]
fn pair_and_check(bencher: Bencher<'_, '_>) {
    let mut session = Session::new();
    over(bencher, |packet| {
        black_box(session.analyze(packet, &mut |finding| {
            black_box(finding);
        }));
    });
}

#[divan::bench]
fn decode_all_fields(bencher: Bencher<'_, '_>) {
    let mut session = Session::new();
    over(bencher, |packet| {
        let seen = session.analyze(packet, &mut |_| {});
        let Some(decoded) = seen.decoded else { return };
        for part in decoded.headers().chain(decoded.body) {
            for spot in part.fields() {
                black_box(spot.value());
            }
        }
        for tail in decoded.body.iter().flat_map(|body| body.tails()) {
            for index in 0..tail.captured_elements() {
                black_box(tail.element(index));
            }
        }
    });
}

fn write(bencher: Bencher<'_, '_>, mut sink: impl Sink) {
    let mut session = Session::new();
    over(bencher, |packet| {
        let mut findings = Vec::new();
        let seen = session.analyze(packet, &mut |finding| findings.push(finding));
        sink.entry(&Entry {
            packet,
            channels: &SAMPLE.channels,
            analysis: &seen,
            request: session.answered_request(),
            findings: &findings,
            changes: &[],
            reply_in: None,
            capture_start: 0,
            previous_captured: 0,
            previous_shown: 0,
        })
        .unwrap();
    });
}

#[divan::bench]
fn text_lines(bencher: Bencher<'_, '_>) {
    let text = TextWriter::new(
        std::io::sink(),
        TimeFormat::Relative,
        TextDetail::default(),
        false,
    );
    write(bencher, text);
}

#[divan::bench]
fn json_lines(bencher: Bencher<'_, '_>) {
    write(
        bencher,
        JsonLines::new(std::io::sink(), "bench", false).unwrap(),
    );
}
