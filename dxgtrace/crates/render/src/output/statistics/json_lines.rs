//! Writes the counts as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use super::{CountRow, Statistics};
use crate::output::Histogram;
use crate::output::json::{self, Text};
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_session::entry::Totals;
use dxgtrace_session::{AwaitedFence, ChainLink, LinkKind, MemoryBudget, Session, SignalSource};

#[derive(Serialize)]
struct CountRecord<'a> {
    r#type: &'static str,
    of: &'static str,
    name: &'a str,
    messages: u64,
    failures: u64,
    sent: Text<u64>,
    received: Text<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyRecord>,
}

#[derive(Serialize)]
struct LatencyRecord {
    min: Text<u64>,
    p50: Text<u64>,
    p99: Text<u64>,
    max: Text<u64>,
}

impl LatencyRecord {
    fn of(latency: &Histogram) -> Option<Self> {
        Some(Self {
            min: Text(latency.min()?),
            p50: Text(latency.percentile(50)?),
            p99: Text(latency.percentile(99)?),
            max: Text(latency.max()?),
        })
    }
}

#[derive(Serialize)]
struct FailureRecord<'a> {
    r#type: &'static str,
    message: &'a str,
    outcome: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct PauseRecord {
    r#type: &'static str,
    packet: u64,
    length: Text<u64>,
}

#[derive(Serialize)]
struct StartRecord<'a> {
    r#type: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Text<u64>>,
    outcome: &'a str,
}

#[derive(Serialize)]
struct WaitRecord<'a> {
    r#type: &'static str,
    packet: u64,
    age: Text<u64>,
    /// The message that waits for a reply; `None` for a wait for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Number of the packet that shows that a signal ended the wait before a reply came.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Text<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<json::TaskJson>,
    fences: Vec<FenceRecord>,
}

#[derive(Serialize)]
struct FenceRecord {
    handle: Text<json::HexNumber>,
    value: Text<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Text<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_in: Option<u64>,
    shared: bool,
    /// Who owes the signal, and what that waits for in turn.
    chain: Vec<LinkRecord>,
}

impl FenceRecord {
    fn of(fence: &AwaitedFence) -> Self {
        Self {
            handle: Text(json::HexNumber(fence.handle)),
            value: Text(fence.value),
            asked: fence.highest_request.map(|(value, _)| Text(value)),
            asked_in: fence.highest_request.map(|(_, packet)| packet),
            shared: fence.shared,
            chain: fence.chain.iter().map(LinkRecord::of).collect(),
        }
    }
}

#[derive(Default, Serialize)]
struct LinkRecord {
    depth: u8,
    kind: &'static str,
    /// Of a signal: who carries it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    /// The queue, or the fence that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<Text<json::HexNumber>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Text<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    /// Whether the host has replied that it signalled the fence.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
}

impl LinkRecord {
    fn of(link: &ChainLink) -> Self {
        let depth = link.depth;
        match link.kind {
            LinkKind::Signal {
                source,
                value,
                packet,
                is_done,
            } => {
                let (source, handle) = match source {
                    SignalSource::Cpu => ("cpu", None),
                    SignalSource::Context(handle) => ("context", Some(handle)),
                    SignalSource::HwQueue(handle) => ("hwqueue", Some(handle)),
                    SignalSource::PagingQueue(handle) => ("paging_queue", Some(handle)),
                };
                Self {
                    depth,
                    kind: "signal",
                    source: Some(source),
                    handle: handle.map(|handle| Text(json::HexNumber(handle))),
                    value: Some(Text(value)),
                    packet: Some(packet),
                    done: Some(is_done),
                }
            }
            LinkKind::Wait {
                fence,
                value,
                packet,
            } => Self {
                depth,
                kind: "wait",
                handle: Some(Text(json::HexNumber(fence))),
                value: Some(Text(value)),
                packet: Some(packet),
                ..Self::default()
            },
            LinkKind::Work { packet } => Self {
                depth,
                kind: "work",
                packet: Some(packet),
                ..Self::default()
            },
            LinkKind::Reached { packet } => Self {
                depth,
                kind: "reached",
                packet: Some(packet),
                ..Self::default()
            },
            LinkKind::Cycle => Self {
                depth,
                kind: "cycle",
                ..Self::default()
            },
            LinkKind::Unasked => Self {
                depth,
                kind: "unasked",
                ..Self::default()
            },
        }
    }
}

#[derive(Serialize)]
struct QueueRecord {
    r#type: &'static str,
    kind: &'static str,
    handle: Text<json::HexNumber>,
    process: Text<json::HexNumber>,
    submissions: u64,
    signals: u64,
    waits: u64,
    last: u64,
}

#[derive(Serialize)]
struct AccountRecord<'a> {
    r#type: &'static str,
    process: Text<json::HexNumber>,
    pid: u32,
    comm: String,
    adapter: &'a str,
    ended: bool,
    devices: u64,
    allocations: u64,
    allocated: Text<u64>,
    most_allocated: Text<u64>,
    resident: Text<u64>,
    most_resident: Text<u64>,
    offered: Text<u64>,
    over_budget: Text<u64>,
    reserved_addresses: Text<u64>,
    mapped_addresses: Text<u64>,
    budgets: Vec<BudgetRecord>,
}

#[derive(Serialize)]
struct BudgetRecord {
    memory: &'static str,
    packet: u64,
    budget: Text<u64>,
    in_use: Text<u64>,
}

impl BudgetRecord {
    fn of(memory: &'static str, budget: Option<MemoryBudget>) -> Option<Self> {
        let budget = budget?;
        Some(Self {
            memory,
            packet: budget.packet,
            budget: Text(budget.budget),
            in_use: Text(budget.in_use),
        })
    }
}

impl Statistics {
    /// Writes the counts as JSON lines.
    pub fn write_json(
        &self,
        out: &mut impl Write,
        source: &str,
        totals: &Totals,
        session: &Session,
    ) -> io::Result<()> {
        json::header(out, source)?;
        let (pause, packet) = self.pause;
        if pause > 0 {
            json::line(
                out,
                &PauseRecord {
                    r#type: "pause",
                    packet,
                    length: Text(pause),
                },
            )?;
        }
        for (name, row) in self.by_message() {
            write_count(out, "message", name, row)?;
        }
        for (name, row) in self.by_process() {
            write_count(out, "process", &name, row)?;
        }
        for (name, row) in self.by_adapter(session) {
            write_count(out, "adapter", &name, row)?;
        }
        for step in &self.steps {
            let answer = step.answer.as_ref();
            let record = StartRecord {
                r#type: "start",
                message: step.message,
                channel: Some(&step.channel),
                packet: Some(step.packet),
                latency: answer.map(|(took, _)| Text(*took)),
                outcome: answer.map_or("no answer", |(_, said)| said),
            };
            json::line(out, &record)?;
        }
        for message in self.unseen() {
            let record = StartRecord {
                r#type: "start",
                message,
                channel: None,
                packet: None,
                latency: None,
                outcome: "not seen",
            };
            json::line(out, &record)?;
        }
        for (count, message, outcome) in self.by_failure() {
            let outcome = &outcome;
            json::line(
                out,
                &FailureRecord {
                    r#type: "failure",
                    message,
                    outcome,
                    count,
                },
            )?;
        }
        write_waits(out, session)?;
        for account in session.memory_accounts() {
            let name = self.process_of(account);
            let groups = ["gpu", "system"].into_iter().zip(account.budgets);
            json::line(
                out,
                &AccountRecord {
                    r#type: "account",
                    process: Text(json::HexNumber(account.process)),
                    pid: name.pid,
                    comm: escaped(&name.comm).to_string(),
                    adapter: &self.adapter_name(account, session),
                    ended: account.ended,
                    devices: account.devices,
                    allocations: account.allocations,
                    allocated: Text(account.bytes),
                    most_allocated: Text(account.peak_bytes),
                    resident: Text(account.resident),
                    most_resident: Text(account.peak_resident),
                    offered: Text(account.offered),
                    over_budget: Text(account.over_budget),
                    reserved_addresses: Text(account.reserved()),
                    mapped_addresses: Text(account.mapped()),
                    budgets: groups
                        .filter_map(|(memory, budget)| BudgetRecord::of(memory, budget))
                        .collect(),
                },
            )?;
        }
        json::summary(out, totals)
    }
}

fn write_count(
    out: &mut impl Write,
    of: &'static str,
    name: &str,
    row: &CountRow,
) -> io::Result<()> {
    json::line(
        out,
        &CountRecord {
            r#type: "count",
            of,
            name,
            messages: row.messages,
            failures: row.failures,
            sent: Text(row.sent),
            received: Text(row.received),
            latency: LatencyRecord::of(&row.latency),
        },
    )
}

/// Writes the requests without a reply, and the waits for fences.
fn write_waits(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let now = session.latest_time();
    for unanswered in session.unanswered_requests() {
        let request = &unanswered.request;
        json::line(
            out,
            &WaitRecord {
                r#type: "wait",
                packet: request.number,
                age: Text(unanswered.waited),
                message: Some(request.name()),
                ended_in: unanswered.interrupted,
                event: None,
                process: request
                    .header
                    .known
                    .has(KnownFields::TASK)
                    .then(|| json::TaskJson::of(&request.header)),
                fences: Vec::new(),
            },
        )?;
    }
    let open = session.cpu_waits();
    for wait in session.interrupted_waits().chain(&open) {
        let fences = wait.fences.iter().map(FenceRecord::of);
        let end = wait.interrupted.map_or(now, |(_, time)| time);
        json::line(
            out,
            &WaitRecord {
                r#type: "wait",
                packet: wait.packet,
                age: Text(end.saturating_sub(wait.time)),
                message: None,
                ended_in: wait.interrupted.map(|(packet, _)| packet),
                event: Some(Text(wait.event)),
                process: wait
                    .name
                    .map(|name| json::TaskJson::new(name.pid, wait.tid, name.comm)),
                fences: fences.collect(),
            },
        )?;
    }
    for queue in session.queues() {
        json::line(
            out,
            &QueueRecord {
                r#type: "queue",
                kind: queue.kind.name(),
                handle: Text(json::HexNumber(queue.handle)),
                process: Text(json::HexNumber(queue.process)),
                submissions: queue.submissions,
                signals: queue.signals,
                waits: queue.waits,
                last: queue.last,
            },
        )?;
    }
    Ok(())
}
