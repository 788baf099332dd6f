//! The waits that samples of a running guest show, and which of them hang.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use dxgtrace_doctor::{DriverThread, DriverThreads};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_protocol::table::ioctls;
use dxgtrace_session::{AwaitedFence, CpuWait, Session};

/// The driver's function in which threads wait for the host's reply.
const WAITS_FOR_REPLY: &str = "dxgvmb_send_sync_msg";
/// The driver's function in which threads wait for a fence.
const WAITS_FOR_FENCE: &str = "dxgkio_wait_sync_object_cpu";
/// Waits that are shown at most.
const SHOWN_MAX: usize = 50;
/// Names of channels that are kept at most.
const CHANNELS_MAX: usize = 4096;

/// What is known at one moment.
pub(super) struct WaitSample<'a> {
    pub session: &'a Session,
    pub threads: &'a DriverThreads,
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// What makes a wait the same one in two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum WaitKey {
    /// The packet with the request.
    Reply(u64),
    /// The packet that told the host of the wait.
    Fence(u64),
    /// A thread with the request number and the argument of its ioctl.
    Ioctl(u32, u32, u64),
}

/// A wait as the latest sample shows it.
#[derive(Debug)]
struct PendingWait {
    key: WaitKey,
    /// The thread, 0 if not known.
    tid: u32,
    /// Who waits, safe to print.
    who: String,
    /// For what, safe to print.
    text: String,
    /// Nanoseconds since 1970; of an ioctl, the first sample that shows it.
    since: u64,
    /// Samples that show it.
    samples: u32,
}

/// The waits of the samples so far.
#[derive(Debug, Default)]
pub(super) struct PendingWaits {
    /// Those of the latest sample.
    waits: Vec<PendingWait>,
    /// Samples taken.
    taken: u32,
    /// Time of the latest sample, nanoseconds since 1970.
    now: u64,
    /// Processes hidden from the latest sample.
    hidden: usize,
    /// Number of the latest packet that says that packets were lost.
    lost_at: u64,
    /// Names of channels by their VMBus number.
    channels: HashMap<u32, String>,
    /// Whether the ends of ioctls are captured.
    sees_ioctls: bool,
}

impl PendingWaits {
    /// None so far; `sees_ioctls` says whether the ends of ioctls are captured.
    pub fn new(sees_ioctls: bool) -> Self {
        Self {
            sees_ioctls,
            ..Self::default()
        }
    }

    /// Takes the next packet.
    pub fn packet(&mut self, packet: &Packet<'_>, channels: &[Channel]) {
        if packet.header.kind == RecordKind::Lost {
            self.lost_at = packet.number;
        }
        let channel = channels.get(packet.interface as usize);
        if let Some(channel) = channel.filter(|channel| {
            self.channels.len() < CHANNELS_MAX && !self.channels.contains_key(&channel.relid)
        }) {
            self.channels.insert(channel.relid, channel.name.clone());
        }
        // The thread has got on: it is not in the ioctl of the samples before.
        if packet.header.known.has(KnownFields::TASK) {
            let tid = packet.header.tid;
            self.waits
                .retain(|wait| !matches!(wait.key, WaitKey::Ioctl(own, _, _) if own == tid));
        }
    }

    /// Processes that could not be looked at.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Takes a sample.
    pub fn sample(&mut self, sample: WaitSample<'_>) {
        self.taken += 1;
        self.now = sample.now;
        self.hidden = self.hidden.max(sample.threads.hidden);
        let before: HashMap<WaitKey, (u32, u64)> = self
            .waits
            .iter()
            .map(|wait| (wait.key, (wait.samples, wait.since)))
            .collect();
        let mut waits = Vec::new();
        self.replies(&sample, &mut waits);
        self.fences(&sample, &mut waits);
        join_threads(&sample, self.sees_ioctls, &mut waits);
        for wait in &mut waits {
            if let Some((samples, since)) = before.get(&wait.key) {
                wait.samples += samples;
                wait.since = wait.since.min(*since);
            }
        }
        self.waits = waits;
    }

    /// Requests that the host owes a reply.
    fn replies(&self, sample: &WaitSample<'_>, waits: &mut Vec<PendingWait>) {
        for request in sample.session.waiting_requests() {
            let header = &request.header;
            let channel = self.channels.get(&header.channel);
            let mut text = format!("the host's reply to {}", request.name());
            let _ = write!(text, " of packet {}", request.number);
            if let Some(channel) = channel {
                let _ = write!(text, " on {}", escaped(channel.as_bytes()));
            }
            waits.push(PendingWait {
                key: WaitKey::Reply(request.number),
                tid: header.tid,
                who: task(&header.comm, header.pid, header.tid),
                text,
                since: request.time,
                samples: 1,
            });
        }
    }

    /// Waits of the CPU for fences. Where packets were lost since, the signal
    /// may be among them. For an event without fences, which is queued behind
    /// work of the GPU, no thread need be waiting.
    fn fences(&self, sample: &WaitSample<'_>, waits: &mut Vec<PendingWait>) {
        let sleepers = sample.session.cpu_waits().into_iter();
        let is_shown = |wait: &CpuWait| wait.packet > self.lost_at && !wait.fences.is_empty();
        for sleeper in sleepers.filter(is_shown) {
            let name = sleeper.name.unwrap_or_default();
            let fences: Vec<String> = sleeper.fences.iter().map(awaited).collect();
            let mut text = fences.join(", ");
            if sleeper.more_fences > 0 {
                let _ = write!(text, " and {} more", sleeper.more_fences);
            }
            let _ = write!(text, " (packet {})", sleeper.packet);
            waits.push(PendingWait {
                key: WaitKey::Fence(sleeper.packet),
                tid: sleeper.tid,
                who: task(&name.comm, name.pid, sleeper.tid),
                text,
                since: sleeper.time,
                samples: 1,
            });
        }
    }

    /// Writes what waits, what hangs first; whether anything hangs. A wait hangs
    /// if it has lasted `hang` or longer in the last sample.
    pub fn report(
        &mut self,
        out: &mut impl Write,
        hang: Duration,
        watched: Duration,
        lost: u64,
    ) -> io::Result<bool> {
        let hang = u64::try_from(hang.as_nanos()).unwrap_or(u64::MAX);
        let lasted = |wait: &PendingWait, now: u64| now.saturating_sub(wait.since);
        // A wait that a single sample shows proves nothing.
        let hangs = |wait: &PendingWait, now: u64| wait.samples > 1 && lasted(wait, now) >= hang;
        let now = self.now;
        self.waits
            .sort_by_key(|wait| (!hangs(wait, now), wait.since, wait.key));
        let hanging = self.waits.iter().filter(|wait| hangs(wait, now)).count();
        let verdict = match (hanging, lost) {
            (0, 0) => "nothing hangs".to_owned(),
            (0, _) => "nothing is known to hang".to_owned(),
            (1, _) => "1 wait hangs".to_owned(),
            (count, _) => format!("{count} waits hang"),
        };
        writeln!(
            out,
            "{verdict}: {} samples in {:.1} s, {} waits in the last one; {:.1} s and longer is a \
             hang",
            self.taken,
            watched.as_secs_f64(),
            self.waits.len(),
            Duration::from_nanos(hang).as_secs_f64()
        )?;
        for wait in self.waits.iter().take(SHOWN_MAX) {
            let word = if hangs(wait, now) { "hangs" } else { "waits" };
            let seconds = Duration::from_nanos(lasted(wait, now)).as_secs_f64();
            let at_least = match wait.key {
                WaitKey::Ioctl(..) => "at least ",
                _ => "",
            };
            writeln!(
                out,
                "{word} {} for {at_least}{seconds:.1} s, in {} of {} samples: {}",
                wait.who, wait.samples, self.taken, wait.text
            )?;
        }
        if let Some(more) = self.waits.len().checked_sub(SHOWN_MAX + 1) {
            writeln!(out, "and {} more", more + 1)?;
        }
        Ok(hanging > 0)
    }
}

/// Adds what `/proc` shows: to the waits of the same threads, or else as waits
/// of their own.
///
/// Of a thread in the same ioctl in two samples, a capture of ioctls or of the
/// messages that its function sends shows whether it is still the same call.
/// Without either, the thread is left out.
fn join_threads(sample: &WaitSample<'_>, sees_ioctls: bool, waits: &mut Vec<PendingWait>) {
    for thread in &sample.threads.in_ioctl {
        let place = place(thread);
        let known = waits
            .iter_mut()
            .filter(|wait| !matches!(wait.key, WaitKey::Ioctl(..)))
            .find(|wait| wait.tid == thread.tid);
        if let Some(wait) = known {
            let _ = write!(wait.text, "; {place}");
            continue;
        }
        let what = match thread.place.as_deref() {
            Some(WAITS_FOR_REPLY) => "a reply of the host to a request that was not captured",
            Some(WAITS_FOR_FENCE) => "a fence that is not known",
            _ if !sees_ioctls => continue,
            _ => "something that is not known",
        };
        waits.push(PendingWait {
            key: WaitKey::Ioctl(thread.tid, thread.request, thread.argument),
            tid: thread.tid,
            who: task(thread.comm.as_bytes(), thread.pid, thread.tid),
            text: format!("{what}; {place}"),
            since: sample.now,
            samples: 1,
        });
    }
}

/// In which ioctl a thread is, and where.
fn place(thread: &DriverThread) -> String {
    let mut text = match ioctls::by_request(thread.request) {
        Some(ioctl) => format!("in {}", ioctl.function),
        None => format!("in ioctl {:#010x}", thread.request),
    };
    if let Some(place) = &thread.place {
        let _ = write!(text, ", at {}", escaped(place.as_bytes()));
    }
    text
}

/// A thread's name and numbers.
fn task(comm: &[u8], pid: u32, tid: u32) -> String {
    let end = comm.iter().position(|byte| *byte == 0);
    let comm = escaped(comm.get(..end.unwrap_or(comm.len())).unwrap_or(comm));
    match (pid, tid) {
        (0, 0) => "an unknown thread".to_owned(),
        (pid, 0) => format!("{comm}[{pid}]"),
        (pid, tid) if pid == tid => format!("{comm}[{tid}]"),
        (pid, tid) => format!("{comm}[{pid}/{tid}]"),
    }
}

/// What a fence waits for, in words.
fn awaited(fence: &AwaitedFence) -> String {
    let AwaitedFence { handle, value, .. } = fence;
    let asked = match fence.highest_request {
        Some((asked, packet)) if asked >= *value => format!("packet {packet} asks for it"),
        Some((asked, packet)) => format!("packet {packet} asks for {asked}"),
        None => "no message asks for it".to_owned(),
    };
    format!("fence {handle:#x} to reach {value} ({asked})")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn thread(tid: u32, argument: u64) -> DriverThread {
        DriverThread {
            pid: 10,
            tid,
            comm: "a\u{1b}b".to_owned(),
            request: 0xC004_471F,
            argument,
            place: Some(WAITS_FOR_REPLY.to_owned()),
        }
    }

    fn sample(waits: &mut PendingWaits, at: u64, threads: Vec<DriverThread>) {
        let threads = DriverThreads {
            in_ioctl: threads,
            ..DriverThreads::default()
        };
        waits.sample(WaitSample {
            session: &Session::new(),
            threads: &threads,
            now: at * SECOND,
        });
    }

    fn report(waits: &mut PendingWaits) -> (bool, String) {
        let mut out = Vec::new();
        let second = Duration::from_secs(1);
        let hangs = waits.report(&mut out, 2 * second, 4 * second, 0);
        (hangs.unwrap_or(false), String::from_utf8_lossy(&out).into())
    }

    #[test]
    fn a_thread_in_the_same_ioctl_all_the_time_hangs() {
        let mut waits = PendingWaits::new(true);
        for at in 1..=4 {
            sample(&mut waits, at, vec![thread(11, 0x1000)]);
        }
        let (hangs, text) = report(&mut waits);
        assert!(hangs, "{text}");
        assert!(text.contains("at least 3.0 s, in 4 of 4 samples"), "{text}");
        assert!(text.contains("D3DKMTFlushHeapTransitions"), "{text}");
        assert!(text.contains("10/11") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_thread_that_gets_on_does_not_hang() {
        // Another argument, or absence from a sample, is another call.
        let mut waits = PendingWaits::new(true);
        for at in 1..=4 {
            sample(&mut waits, at, vec![thread(11, at)]);
        }
        assert!(!report(&mut waits).0);
        let mut waits = PendingWaits::new(true);
        for at in 1..=4 {
            let threads = if at == 3 { vec![] } else { vec![thread(11, 1)] };
            sample(&mut waits, at, threads);
        }
        assert!(!report(&mut waits).0);
        // What is over with the last sample has not hung.
        let mut waits = PendingWaits::new(true);
        for at in 1..=4 {
            let threads = if at == 4 { vec![] } else { vec![thread(11, 1)] };
            sample(&mut waits, at, threads);
        }
        let (hangs, text) = report(&mut waits);
        assert!(!hangs && text.starts_with("nothing hangs"), "{text}");
    }
}
