//! Who waits for which fence, who owes its signal, and what was queued to whom.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::amount::{time, write_more};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_session::{
    AwaitedFence, ChainLink, CpuWait, LinkKind, QueueActivity, Session, SignalSource,
};

/// Waits listed at most.
const WAITS_MAX: usize = 20;
/// Queues listed at most.
const QUEUES_MAX: usize = 20;

/// A thread or queue that waits, in words.
#[derive(Debug, Clone)]
pub struct WaitText {
    /// The packet of the wait.
    pub packet: u64,
    /// How long it has lasted, in nanoseconds.
    pub age: u64,
    /// Who waits.
    pub waiter: String,
    /// For what, who owes that, and what that waits for: lines with their
    /// indentation.
    pub chain: Vec<String>,
}

impl WaitText {
    /// The threads whose wait a signal or the end of the process has ended.
    pub fn of_interrupted(session: &Session) -> Vec<Self> {
        let waits = session.interrupted_waits();
        waits
            .map(|wait| Self::of_thread(wait, session.latest_time()))
            .collect()
    }

    /// The threads that wait for fences.
    pub fn of_threads(session: &Session) -> Vec<Self> {
        let waits = session.cpu_waits().into_iter();
        waits
            .map(|wait| Self::of_thread(&wait, session.latest_time()))
            .collect()
    }

    /// The contexts and hardware queues that are held up by fences which nobody
    /// signals.
    pub fn of_queues(session: &Session) -> Vec<Self> {
        let held = session.held_queues().into_iter();
        held.map(|held| Self {
            packet: held.packet,
            age: session.latest_time().saturating_sub(held.time),
            waiter: queue_name(&held.queue),
            chain: fence_chain(&held.fence),
        })
        .collect()
    }

    fn of_thread(wait: &CpuWait, now: u64) -> Self {
        let end = wait.interrupted.map_or(now, |(_, time)| time);
        let mut chain: Vec<String> = wait.fences.iter().flat_map(fence_chain).collect();
        if wait.more_fences > 0 {
            chain.push(format!("and {} more fences", wait.more_fences));
        }
        Self {
            packet: wait.packet,
            age: end.saturating_sub(wait.time),
            waiter: waiter(wait),
            chain,
        }
    }
}

/// Writes the threads that wait for fences, or waited when a signal ended that,
/// and the queues that are held up.
pub(super) fn write_waits(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let threads = WaitText::of_threads(session);
    write_list(out, "waiting for fences at the end", &threads)?;
    let title = "waiting for fences until a signal or the process's end";
    write_list(out, title, &WaitText::of_interrupted(session))?;
    let title = "held up by a fence at the end";
    write_list(out, title, &WaitText::of_queues(session))
}

fn write_list(out: &mut impl Write, title: &str, waits: &[WaitText]) -> io::Result<()> {
    if waits.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:>8} {:>6} {title}", "packet", "for")?;
    let mut before: &[String] = &[];
    for wait in waits.iter().take(WAITS_MAX) {
        let (packet, age) = (wait.packet, time(wait.age));
        writeln!(out, "{packet:>8} {age:>6} {}", wait.waiter)?;
        if wait.chain == before && !before.is_empty() {
            writeln!(out, "{:>16}as before", "")?;
            continue;
        }
        for line in &wait.chain {
            writeln!(out, "{:>16}{line}", "")?;
        }
        before = &wait.chain;
    }
    write_more(out, waits.len(), WAITS_MAX)
}

fn waiter(wait: &CpuWait) -> String {
    let name = wait.name.unwrap_or_default();
    let tid = match wait.tid {
        0 => name.pid,
        tid => tid,
    };
    let mut text = format!("{}[{tid}] for event {}", escaped(&name.comm), wait.event);
    if wait.fences.is_empty() {
        text.push_str(", queued behind work of the GPU");
    }
    if let Some((packet, _)) = wait.interrupted {
        let _ = write!(text, ", until packet {packet}");
    }
    text
}

/// A fence and who owes its signal.
fn fence_chain(fence: &AwaitedFence) -> Vec<String> {
    let links = fence.chain.iter();
    let links = links.map(|link| chain_link(link, fence.value));
    std::iter::once(awaited(fence)).chain(links).collect()
}

fn awaited(fence: &AwaitedFence) -> String {
    let AwaitedFence { handle, value, .. } = fence;
    let mut text = format!("fence {handle:#x} to reach {value}");
    if let Some((asked, packet)) = fence.highest_request.filter(|(asked, _)| asked < value) {
        let _ = write!(text, "; asked for so far: {asked} (packet {packet})");
    }
    if fence.shared {
        text.push_str("; shared, so another process may signal it");
    }
    text
}

fn chain_link(link: &ChainLink, wanted: u64) -> String {
    let indent = 2 + 4 * usize::from(link.depth);
    let (more, text) = match link.kind {
        LinkKind::Signal {
            source,
            value,
            packet,
            is_done,
        } => {
            let mut text = match (source, is_done) {
                (SignalSource::Cpu, true) => {
                    format!("signalled from the CPU in packet {packet}, as the host replied")
                }
                (source, _) => format!("owed by {} (packet {packet})", signal_source(source)),
            };
            if link.depth == 0 && value != wanted {
                let _ = write!(text, ", which sets {value}");
            }
            (0, text)
        }
        LinkKind::Work { packet } => (2, format!("after the work queued since packet {packet}")),
        LinkKind::Wait {
            fence,
            value,
            packet,
        } => (
            2,
            format!("after its own wait for fence {fence:#x} to reach {value} (packet {packet})"),
        ),
        LinkKind::Cycle => (0, "owed by a queue that waits for this: a cycle".to_owned()),
        LinkKind::Reached { packet } => (0, format!("reached, as packet {packet} shows")),
        LinkKind::Unasked => {
            let text = "owed by nobody that messages show; a command buffer may signal it";
            (0, text.to_owned())
        }
    };
    format!("{:width$}{text}", "", width = indent + more)
}

fn signal_source(source: SignalSource) -> String {
    match source {
        SignalSource::Cpu => "the CPU".to_owned(),
        SignalSource::Context(handle) => format!("context {handle:#x}"),
        SignalSource::HwQueue(handle) => format!("hardware queue {handle:#x}"),
        SignalSource::PagingQueue(handle) => format!("paging queue {handle:#x}"),
    }
}

/// Writes what was queued to contexts and hardware queues.
pub(super) fn write_queues(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let mut queues = session.queues();
    queues.retain(|queue| queue.kind != ObjectKind::PagingQueue);
    if queues.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:>8} {:>7} {:>6} {:>8} queue",
        "submits", "signals", "waits", "last in"
    )?;
    for queue in queues.iter().take(QUEUES_MAX) {
        let QueueActivity {
            submissions,
            waits,
            signals,
            last,
            ..
        } = queue;
        let name = queue_name(queue);
        writeln!(
            out,
            "{submissions:>8} {signals:>7} {waits:>6} {last:>8} {name}"
        )?;
    }
    write_more(out, queues.len(), QUEUES_MAX)
}

fn queue_name(queue: &QueueActivity) -> String {
    let kind = match queue.kind {
        ObjectKind::HwQueue => "hardware queue",
        ObjectKind::PagingQueue => "paging queue",
        _ => "context",
    };
    format!("{kind} {:#x} of process {:#x}", queue.handle, queue.process)
}
