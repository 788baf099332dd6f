//! Stock Wireshark tools read what we write, and we read what they rewrite.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::record::header::{Direction, RecordKind};
use dxgtrace_tests::{samples, synthetic};

/// Runs a tool and gives its output and exit code; `None` if it is absent.
fn run(tool: &str, arguments: &[&str]) -> Option<(String, i32)> {
    let output = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => Some((
            String::from_utf8_lossy(&output.stdout).into_owned(),
            output.status.code().unwrap_or(-1),
        )),
        Err(error) => {
            dxgtrace_tests::requirement::skip(&format!("{tool} cannot be run: {error}"));
            None
        }
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dxgtrace-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sample(name: &str) -> String {
    samples().join(name).to_str().unwrap().to_owned()
}

#[test]
fn capinfos_tells_what_was_written() {
    let Some((text, code)) = run("capinfos", &[&sample("v40-basic.pcapng")]) else {
        return;
    };
    assert_eq!(code, 0);
    let spaceless: String = text.split_whitespace().collect();
    for expected in [
        "Filetimestampprecision:nanoseconds(9)",
        "Numberofpackets:358",
        "Stricttimeorder:True",
        "Numberofinterfacesinfile:2",
        "Name=global",
        "Name=vgpu0",
        "Captureoper-sys:Debian,Linux6.1.0-54-amd64",
    ] {
        assert!(spaceless.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn tshark_sees_every_record_as_we_do() {
    for name in ["v40.pcapng", "v27.pcapng", "synthetic-loss.pcapng"] {
        let fields = [
            "frame.time_epoch",
            "frame.packet_flags_direction",
            "frame.interface_name",
            "exported_pdu.prot_name",
            "frame.cap_len",
            "frame.len",
            "frame.drop_count",
        ];
        let file = sample(name);
        let mut arguments = vec!["-r", &file, "-T", "fields"];
        for field in fields {
            arguments.extend(["-e", field]);
        }
        let Some((text, code)) = run("tshark", &arguments) else {
            return;
        };
        assert_eq!(code, 0);
        let (channels, packets) = synthetic::load(Path::new(&file)).unwrap();
        let expected: Vec<String> = packets
            .iter()
            .map(|packet| {
                format!(
                    "{}.{:09}\t{}\t{}\tdxgtrace\t{}\t{}\t{}",
                    packet.time / 1_000_000_000,
                    packet.time % 1_000_000_000,
                    match packet.header.direction {
                        Direction::HostToGuest => "0x00000001",
                        Direction::GuestToHost => "0x00000002",
                    },
                    channels[packet.channel as usize].name,
                    96 + packet.payload.len(),
                    96 + packet.header.payload_length,
                    match packet.header.kind {
                        RecordKind::Lost => "3",
                        _ => "",
                    }
                )
            })
            .collect();
        let seen: Vec<&str> = text.lines().collect();
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn comments_are_shown() {
    let folder = Folder::new("comments");
    let path = folder.file("comments.pcapng");
    let (channels, packets) = synthetic::load(&samples().join("v40-enum.pcapng")).unwrap();
    let output = dxgtrace_file::create(Path::new(&path)).unwrap();
    let mut writer =
        Writer::new(output, &CaptureOrigin::default(), FlushPolicy::EveryRecord).unwrap();
    for (number, packet) in (1..).zip(&packets) {
        let comments: Vec<String> = match number {
            2 => vec!["size.short: first".into(), "reply.orphan: ünïcode".into()],
            _ => vec![],
        };
        writer
            .write(&packet.packet(number), &channels, &comments)
            .unwrap();
    }
    writer.finish().unwrap();
    let arguments = ["-r", &path, "-Y", "pkt_comment", "-T", "fields"];
    let arguments = [
        &arguments[..],
        &["-e", "frame.number", "-e", "frame.comment"],
    ]
    .concat();
    let Some((text, _)) = run("tshark", &arguments) else {
        return;
    };
    assert_eq!(text, "2\tsize.short: first,reply.orphan: ünïcode\n");
}

#[test]
fn a_cut_file_shows_every_whole_frame() {
    let file = sample("synthetic-cut.pcapng");
    let Some((text, code)) = run(
        "tshark",
        &["-r", &file, "-T", "fields", "-e", "frame.number"],
    ) else {
        return;
    };
    assert_eq!(text.lines().count(), 9);
    assert_eq!(code, 2);
}

#[test]
fn what_wireshark_tools_rewrite_is_read_again() {
    let folder = Folder::new("rewrite");
    let original = sample("v40-basic.pcapng");
    let (channels, packets) = synthetic::load(Path::new(&original)).unwrap();

    let pcapng = folder.file("editcap.pcapng");
    let Some((_, code)) = run("editcap", &[&original, &pcapng]) else {
        return;
    };
    assert_eq!(code, 0);
    let again = synthetic::load(Path::new(&pcapng)).unwrap();
    assert_eq!(again, (channels.clone(), packets.clone()));

    // Interfaces are lost, but the pseudo-header tells the channels.
    let classic = folder.file("classic.pcap");
    run("editcap", &["-F", "nsecpcap", &original, &classic]);
    let (names, again) = synthetic::load(Path::new(&classic)).unwrap();
    assert_eq!(again, packets);
    let names: Vec<&str> = names.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["global", "vgpu0"]);

    // Cut by another program: the true length stays.
    let cut = folder.file("cut.pcapng");
    run("editcap", &["-s", "120", &original, &cut]);
    let (_, again) = synthetic::load(Path::new(&cut)).unwrap();
    assert_eq!(again.len(), packets.len());
    for (cut, whole) in again.iter().zip(&packets) {
        assert_eq!(cut.header, whole.header);
        assert_eq!(cut.payload, whole.payload[..whole.payload.len().min(24)]);
    }

    let merged = folder.file("merged.pcapng");
    let other = sample("v27.pcapng");
    run("mergecap", &["-a", "-w", &merged, &original, &other]);
    let (_, again) = synthetic::load(Path::new(&merged)).unwrap();
    let (_, tail) = synthetic::load(Path::new(&other)).unwrap();
    assert_eq!(again.len(), packets.len() + tail.len());
    assert_eq!(again[..packets.len()], packets);
}
