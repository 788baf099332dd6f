//! Tests that the captured packets equal those that the stand-in plays.
//!
//! These tests need the right to load BPF programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use dxgtrace_live::{AttachError, Backend, CaptureOptions, CaptureTarget, Live};
use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, LostPackets, RecordKind,
};
use dxgtrace_standin::StandIn;
use dxgtrace_tests::{requirement, traffic};

const WAIT: Duration = Duration::from_millis(200);

/// Starts a capture of a stand-in. Returns `None` without the rights to.
fn start(standin: &StandIn, options: CaptureOptions) -> Option<Live> {
    if !requirement::live() {
        return None;
    }
    let target = CaptureTarget::StandIn(standin.pid());
    match Live::start(&CaptureOptions { target, ..options }) {
        Ok(live) => Some(live),
        Err(error) => panic!("{error}"),
    }
}

fn standin(arguments: &[&str]) -> StandIn {
    StandIn::spawn(Command::new(env!("CARGO_BIN_EXE_standin")).args(arguments)).unwrap()
}

/// Calls `each` for every packet until the stand-in has ended and all is read.
fn read_all(
    live: &mut Live,
    standin: &mut StandIn,
    mut each: impl FnMut(&dxgtrace_protocol::packet::Packet<'_>),
) {
    let mut stopped = false;
    loop {
        match live.next(WAIT).unwrap() {
            Some(delivery) => each(&delivery.packet),
            None if stopped => break,
            None if standin.has_ended().unwrap() => {
                live.stop();
                stopped = true;
            }
            None => {}
        }
    }
}

struct Log(PathBuf);

impl Log {
    fn new(name: &str) -> Self {
        let file = format!("dxgtrace-live-{}-{name}.log", std::process::id());
        Self(std::env::temp_dir().join(file))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Plays a scenario under the probe and compares.
fn captured_equals_played(scenario: &str, noise: bool) {
    let log = Log::new(&format!("{scenario}-{noise}"));
    let noise = if noise { "noise" } else { "quiet" };
    let mut standin = standin(&["play", scenario, log.path(), noise]);
    let Some(mut live) = start(&standin, CaptureOptions::default()) else {
        return;
    };
    assert_eq!(live.hooks().len(), 9);
    assert!(live.hooks().iter().all(|hook| hook.1 == Backend::Uprobe));
    assert_eq!(live.describe_hooks(), "uprobe");
    standin.go().unwrap();
    let mut captured = Vec::new();
    read_all(&mut live, &mut standin, |packet| {
        captured.push(traffic::line(packet))
    });
    assert!(standin.wait().unwrap().success());
    let played = log.lines();
    assert_eq!(played.len(), traffic::scenario(scenario).len());
    for (index, (captured, played)) in captured.iter().zip(&played).enumerate() {
        assert_eq!(captured, played, "packet {}", index + 1);
    }
    assert_eq!(captured.len(), played.len());
    let totals = live.totals();
    assert_eq!(totals.lost.total(), 0);
    assert_eq!((totals.sends, totals.returns_lost), (totals.returns, 0));
    let channels: Vec<_> = live
        .channels()
        .iter()
        .map(|channel| &channel.instance)
        .collect();
    assert_eq!(totals.ioctls, totals.ioctl_ends);
    for made in traffic::scenario(scenario) {
        let channel = &traffic::channels()[made.interface as usize];
        assert!(channels.contains(&&channel.instance));
    }
}

#[test]
fn every_kind_of_packet_is_captured_as_it_was_played() {
    captured_equals_played("kinds", false);
}

#[test]
fn payloads_of_every_size_class_are_captured_whole() {
    captured_equals_played("sizes", false);
}

#[test]
fn eight_threads_on_three_channels_are_told_apart() {
    captured_equals_played("threads", false);
}

#[test]
fn calls_of_applications_are_seen_with_their_messages_and_what_they_return() {
    captured_equals_played("ioctls", false);
}

#[test]
fn channels_are_seen_to_come_and_go() {
    captured_equals_played("lives", false);
}

#[test]
fn other_devices_of_the_bus_are_not_captured() {
    captured_equals_played("kinds", true);
    captured_equals_played("lives", true);
}

#[test]
fn the_snap_length_cuts_the_bytes_and_not_the_length() {
    let log = Log::new("snap");
    let mut standin = standin(&["play", "sizes", log.path()]);
    let options = CaptureOptions {
        snap_length: 100,
        ..CaptureOptions::default()
    };
    let Some(mut live) = start(&standin, options) else {
        return;
    };
    standin.go().unwrap();
    let mut lengths = Vec::new();
    read_all(&mut live, &mut standin, |packet| {
        assert_eq!(
            packet.payload.len(),
            packet.header.payload_length.min(100) as usize
        );
        lengths.push(packet.header.payload_length);
    });
    let made: Vec<u32> = traffic::scenario("sizes")
        .iter()
        .map(|made| made.header.payload_length)
        .collect();
    assert_eq!(lengths, made);
}

#[test]
fn a_filter_keeps_the_requests_of_one_name_and_their_answers() {
    let log = Log::new("comm");
    let mut standin = standin(&["play", "kinds", log.path()]);
    let comm = *b"app\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let Some(mut live) = start(
        &standin,
        CaptureOptions {
            comm: Some(comm),
            ..CaptureOptions::default()
        },
    ) else {
        return;
    };
    standin.go().unwrap();
    let mut captured = Vec::new();
    read_all(&mut live, &mut standin, |packet| {
        if packet.header.known.has(KnownFields::TASK) {
            assert_eq!(packet.header.comm, comm);
        }
        captured.push(traffic::line(packet));
    });
    let wanted: Vec<String> = log
        .lines()
        .into_iter()
        // The other's completions have a task, messages of the host have none.
        .filter(|line| {
            line.contains("comm: [97, 112, 112, 0,") || line.contains("known: KnownFields(0)")
        })
        .collect();
    assert_eq!(captured, wanted);
}

#[test]
fn a_filter_by_process_hides_all_others() {
    let log = Log::new("pid");
    for (chosen, visible) in [(1, false), (0, true)] {
        let mut standin = standin(&["play", "threads", log.path()]);
        let pids = vec![if chosen == 0 { standin.pid() } else { chosen }];
        let Some(mut live) = start(
            &standin,
            CaptureOptions {
                pids,
                ..CaptureOptions::default()
            },
        ) else {
            return;
        };
        standin.go().unwrap();
        let mut count = 0;
        read_all(&mut live, &mut standin, |_| count += 1);
        let all = traffic::scenario("threads").len();
        assert_eq!(count, if visible { all } else { 0 });
    }
}

#[test]
fn parallel_threads_lose_nothing_and_mix_up_nothing() {
    let mut standin = standin(&["load", "8", "20000", "256", "1"]);
    let Some(mut live) = start(&standin, CaptureOptions::default()) else {
        return;
    };
    standin.go().unwrap();
    let mut seen = vec![0u32; 20_001];
    read_all(&mut live, &mut standin, |packet| {
        assert_eq!(packet.header.kind, RecordKind::Packet);
        assert_eq!(packet.header.direction, Direction::GuestToHost);
        assert!(
            packet
                .header
                .known
                .has(KnownFields::TASK | KnownFields::RETURN_VALUE)
        );
        assert_eq!(packet.payload.len(), 256);
        assert_eq!(packet.payload[..8], packet.header.transaction.to_le_bytes());
        seen[packet.header.transaction as usize] += 1;
    });
    assert!(seen[1..].iter().all(|&count| count == 1));
    assert_eq!(live.totals().sends, 20_000);
}

#[test]
fn what_a_full_ring_loses_is_counted_to_the_last_packet() {
    let mut standin = standin(&["load", "2", "20000", "1000", "1"]);
    let options = CaptureOptions {
        ring_bytes: 1 << 20,
        ..CaptureOptions::default()
    };
    let Some(mut live) = start(&standin, options) else {
        return;
    };
    standin.go().unwrap();
    // Nobody reads, so that the ring fills.
    while !standin.has_ended().unwrap() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut messages, mut lost, mut records) = (0, 0, 0);
    read_all(&mut live, &mut standin, |packet| match packet.header.kind {
        RecordKind::Lost => {
            records += 1;
            lost += u64::from_le_bytes(*packet.payload.first_chunk().unwrap());
        }
        _ => messages += 1,
    });
    assert!(messages > 0 && lost > 0 && records > 0);
    assert_eq!(messages + lost, 20_000);
    assert_eq!(live.totals().lost.ring_full, lost);
}

#[test]
fn attempts_that_the_host_s_ring_refused_are_neither_messages_nor_lost() {
    let log = Log::new("refusals");
    let mut standin = standin(&["play", "refusals", log.path()]);
    let options = CaptureOptions {
        ring_bytes: 1 << 20,
        ..CaptureOptions::default()
    };
    let Some(mut live) = start(&standin, options) else {
        return;
    };
    standin.go().unwrap();
    // Nobody reads, so that the ring to this process fills, too.
    while !standin.has_ended().unwrap() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut messages, mut lost, mut ioctls) = (0, 0, 0);
    read_all(&mut live, &mut standin, |packet| match packet.header.kind {
        RecordKind::Lost => lost += LostPackets::decode(packet.payload).unwrap().total(),
        RecordKind::Ioctl => {
            assert_eq!(IoctlEnd::decode(packet.payload).unwrap().messages, 1);
            ioctls += 1;
        }
        kind => {
            assert_eq!(kind, RecordKind::Packet);
            messages += 1;
        }
    });
    assert!(messages > 0 && lost > 0 && ioctls > 0);
    assert_eq!(messages + lost, 2 * 1500);
}

#[test]
fn a_process_that_is_no_stand_in_is_refused_with_the_reason() {
    if start(
        &standin(&["load", "1", "1", "8", "0"]),
        CaptureOptions::default(),
    )
    .is_none()
    {
        return;
    }
    let target = CaptureTarget::StandInProgram(Path::new("/bin/sh").into());
    match Live::start(&CaptureOptions {
        target,
        ..CaptureOptions::default()
    }) {
        Err(error @ AttachError::NoStandIn { .. }) => {
            assert!(error.to_string().contains("vmbus_sendpacket"), "{error}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("attached to a shell"),
    }
}

#[test]
fn without_a_vmbus_the_error_says_what_to_do() {
    if Path::new("/sys/bus/vmbus").exists() {
        requirement::skip("this machine has a VMBus");
        return;
    }
    match Live::start(&CaptureOptions::default()) {
        // Without rights that is what is told first.
        Err(error @ (AttachError::NoVmbus(_) | AttachError::Rights { .. })) => {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
            println!("{error}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("attached to nothing"),
    }
}
