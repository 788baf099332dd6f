//! The counts as tables that fit a terminal of 80 columns.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::amount::{bytes, time};
use super::{CountRow, Statistics, called};
use crate::output::time::duration;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_session::entry::Totals;
use dxgtrace_session::{AwaitedFence, MemoryAccount, Session};

/// Requests and waits listed at most that nobody has answered.
const PENDING_MAX: usize = 20;
/// Accounts listed at most.
const ACCOUNTS_MAX: usize = 50;
/// From this width on, there is room for what was sent and received apart.
const WIDE: usize = 90;

impl Statistics {
    /// Writes the tables, for an output of that many columns.
    pub fn write(
        &self,
        out: &mut impl Write,
        source: &str,
        totals: &Totals,
        session: &Session,
        width: usize,
    ) -> io::Result<()> {
        let mut line = format!(
            "{source}: {} messages in {}, {} exchanges",
            totals.messages,
            duration(self.span()),
            totals.exchanges
        );
        for (count, what) in [
            (totals.unanswered, "unanswered"),
            (totals.refused, "not sent"),
            (totals.lost, "lost"),
        ] {
            if count > 0 {
                let _ = write!(line, ", {count} {what}");
            }
        }
        writeln!(out, "{line}")?;
        let (pause, packet) = self.pause;
        if pause > 0 {
            let pause = duration(pause);
            writeln!(out, "longest pause: {pause}, before packet {packet}")?;
        }
        let rows = self.by_message();
        let rows = rows.iter().map(|(name, row)| (*name, *row));
        table(out, "message", rows, width)?;
        let rows = self.by_process();
        let rows = rows.iter().map(|(name, row)| (name.as_str(), *row));
        table(out, "process", rows, width)?;
        let rows = self.by_adapter(session);
        let rows = rows.iter().map(|(name, row)| (name.as_str(), *row));
        table(out, "virtual GPU", rows, width)?;
        self.started(out)?;
        self.failed(out)?;
        pending(out, session)?;
        sleepers(out, session)?;
        self.memory(out, session)
    }

    /// How far the driver's start got.
    fn started(&self, out: &mut impl Write) -> io::Result<()> {
        if self.steps.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{:>8} {:>6} start", "packet", "took")?;
        for step in &self.steps {
            let (took, said) = match &step.answer {
                Some((took, said)) => (time(*took), said.as_str()),
                None => ("-".to_owned(), "no answer"),
            };
            let (packet, message) = (step.packet, step.message);
            writeln!(
                out,
                "{packet:>8} {took:>6} {message} on {}: {said}",
                step.channel
            )?;
        }
        for message in self.unseen() {
            writeln!(out, "{:>8} {:>6} {message}: not seen", "-", "-")?;
        }
        Ok(())
    }

    fn failed(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = self.by_failure();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{:>8} failures", "count")?;
        for (count, name, outcome) in rows {
            writeln!(out, "{count:>8} {name}: {outcome}")?;
        }
        Ok(())
    }

    /// Who has, or had, how much memory where.
    fn memory(&self, out: &mut impl Write, session: &Session) -> io::Result<()> {
        let accounts = session.accounts();
        if accounts.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n{:>9} {:>8} {:>6} {:>7} {:>8} {:>6} memory of",
            "allocated", "resident", "most", "offered", "reserved", "mapped"
        )?;
        for account in accounts.iter().take(ACCOUNTS_MAX) {
            writeln!(
                out,
                "{:>9} {:>8} {:>6} {:>7} {:>8} {:>6} {}",
                bytes(account.bytes),
                bytes(account.resident),
                bytes(account.most),
                bytes(account.offered),
                bytes(account.reserved()),
                bytes(account.mapped()),
                self.account(account, session),
            )?;
        }
        more(out, accounts.len(), ACCOUNTS_MAX)?;
        let told: Vec<_> = accounts
            .iter()
            .flat_map(|account| {
                let groups = ["GPU", "system"].into_iter().zip(account.budgets);
                groups.filter_map(move |(group, budget)| Some((account, group, budget?)))
            })
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n{:>9} {:>8} {:>6} memory, by the host's count",
            "budget", "in use", "of"
        )?;
        for (account, group, budget) in told.iter().take(ACCOUNTS_MAX) {
            writeln!(
                out,
                "{:>9} {:>8} {group:>6} {} in packet {}",
                bytes(budget.budget),
                bytes(budget.in_use),
                self.account(account, session),
                budget.packet,
            )?;
        }
        more(out, told.len(), ACCOUNTS_MAX)
    }

    fn account(&self, account: &MemoryAccount, session: &Session) -> String {
        let name = self.whose(account);
        let place = self.place(account, session);
        let mut text = format!("{} {place}", called(&name, account.process));
        if account.ended {
            text.push_str(" (ended)");
        }
        if account.over_budget > 0 {
            let _ = write!(text, ", {} over budget", bytes(account.over_budget));
        }
        text
    }
}

fn table<'a>(
    out: &mut impl Write,
    what: &str,
    rows: impl Iterator<Item = (&'a str, &'a CountRow)>,
    width: usize,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let heads = match width >= WIDE {
        true => format!("{:>6} {:>8}", "sent", "received"),
        false => format!("{:>5}", "bytes"),
    };
    writeln!(
        out,
        "\n{:>8} {:>6} {heads} {:>5} {:>5} {:>5} {:>5} {what}",
        "messages", "failed", "min", "p50", "p99", "max"
    )?;
    for (name, row) in rows {
        let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), time);
        let travelled = match width >= WIDE {
            true => format!("{:>6} {:>8}", bytes(row.sent), bytes(row.received)),
            false => format!("{:>5}", bytes(row.sent.saturating_add(row.received))),
        };
        let latency = &row.latency;
        writeln!(
            out,
            "{:>8} {:>6} {travelled} {:>5} {:>5} {:>5} {:>5} {name}",
            row.messages,
            row.failures,
            shown(latency.least()),
            shown(latency.quantile(50)),
            shown(latency.quantile(99)),
            shown(latency.most()),
        )?;
    }
    Ok(())
}

/// Requests without an answer: those that are waited for at the end, and those
/// whose wait a signal has ended.
fn pending(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let (waiting, given_up): (Vec<_>, Vec<_>) = session
        .unanswered()
        .into_iter()
        .partition(|one| one.interrupted.is_none());
    for (title, requests) in [
        ("unanswered at the end", waiting),
        ("unanswered when a signal ended the wait", given_up),
    ] {
        if requests.is_empty() {
            continue;
        }
        writeln!(out, "\n{:>8} {:>6} {title}", "packet", "for")?;
        for one in requests.iter().take(PENDING_MAX) {
            let request = &one.request;
            let mut line = format!(
                "{:>8} {:>6} {}",
                request.number,
                time(one.waited),
                request.name()
            );
            if request.header.known.has(KnownFields::TASK) {
                let who = escaped(&request.header.comm);
                let _ = write!(line, " by {who}[{}]", request.header.tid);
            }
            if let Some(packet) = one.interrupted {
                let _ = write!(line, ", until packet {packet}");
            }
            writeln!(out, "{line}")?;
        }
        more(out, requests.len(), PENDING_MAX)?;
    }
    Ok(())
}

/// Threads that wait for fences.
fn sleepers(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let sleepers = session.sleepers();
    if sleepers.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:>8} {:>6} waiting for fences at the end",
        "packet", "for"
    )?;
    for sleeper in sleepers.iter().take(PENDING_MAX) {
        let age = time(session.now().saturating_sub(sleeper.time));
        let name = sleeper.name.unwrap_or_default();
        let tid = if sleeper.tid == 0 {
            name.pid
        } else {
            sleeper.tid
        };
        let who = format!("{}[{tid}]", escaped(&name.comm));
        writeln!(
            out,
            "{:>8} {age:>6} {who} for event {}",
            sleeper.packet, sleeper.event
        )?;
        for fence in &sleeper.fences {
            writeln!(out, "{:>16}{}", "", awaited(fence))?;
        }
        if sleeper.more > 0 {
            writeln!(out, "{:>16}and {} more fences", "", sleeper.more)?;
        }
    }
    more(out, sleepers.len(), PENDING_MAX)
}

/// What a fence waits for, in words.
fn awaited(fence: &AwaitedFence) -> String {
    let AwaitedFence { handle, value, .. } = fence;
    let mut text = format!("fence {handle:#x} to reach {value}; ");
    let _ = match fence.asked {
        Some((asked, packet)) if asked >= *value => {
            write!(text, "asked for in packet {packet}: the GPU has it to do")
        }
        Some((asked, packet)) => write!(text, "asked for: {asked} (packet {packet})"),
        None => write!(text, "nothing asked for by a message"),
    };
    if fence.shared {
        text.push_str("; shared");
    }
    text
}

fn more(out: &mut impl Write, count: usize, shown: usize) -> io::Result<()> {
    match count.checked_sub(shown).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "{:>16}and {more} more", ""),
        None => Ok(()),
    }
}
