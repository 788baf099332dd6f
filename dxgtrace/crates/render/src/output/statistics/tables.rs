//! Writes the counts as tables that fit a terminal of 80 columns.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::amount::{bytes, time, write_more};
use super::{CountRow, Statistics, fences, process_text};
use crate::output::time::duration;
use dxgtrace_protocol::decode::escaped;
use dxgtrace_protocol::record::header::KnownFields;
use dxgtrace_session::entry::Totals;
use dxgtrace_session::{MemoryAccount, Session};

/// Maximum number of listed unanswered requests, and of listed waits.
const PENDING_MAX: usize = 20;
/// Maximum number of listed accounts.
const ACCOUNTS_MAX: usize = 50;
/// Minimum width in columns for separate columns of bytes sent and received.
const WIDE: usize = 90;

impl Statistics {
    /// Writes the tables for an output of `width` columns.
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
        write_table(out, "message", rows, width)?;
        let rows = self.by_process();
        let rows = rows.iter().map(|(name, row)| (name.as_str(), *row));
        write_table(out, "process", rows, width)?;
        let rows = self.by_adapter(session);
        let rows = rows.iter().map(|(name, row)| (name.as_str(), *row));
        write_table(out, "virtual GPU", rows, width)?;
        self.write_startup(out)?;
        self.write_failures(out)?;
        write_unanswered(out, session)?;
        fences::write_waits(out, session)?;
        fences::write_queues(out, session)?;
        self.write_memory(out, session)
    }

    /// Writes the startup steps of the driver.
    fn write_startup(&self, out: &mut impl Write) -> io::Result<()> {
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

    fn write_failures(&self, out: &mut impl Write) -> io::Result<()> {
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

    /// Writes the memory accounts.
    fn write_memory(&self, out: &mut impl Write, session: &Session) -> io::Result<()> {
        let accounts = session.memory_accounts();
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
                bytes(account.peak_bytes),
                bytes(account.offered),
                bytes(account.reserved()),
                bytes(account.mapped()),
                self.account_text(account, session),
            )?;
        }
        write_more(out, accounts.len(), ACCOUNTS_MAX)?;
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
                self.account_text(account, session),
                budget.packet,
            )?;
        }
        write_more(out, told.len(), ACCOUNTS_MAX)
    }

    fn account_text(&self, account: &MemoryAccount, session: &Session) -> String {
        let name = self.process_of(account);
        let place = self.adapter_name(account, session);
        let mut text = format!("{} {place}", process_text(&name, account.process));
        if account.ended {
            text.push_str(" (ended)");
        }
        if account.over_budget > 0 {
            let _ = write!(text, ", {} over budget", bytes(account.over_budget));
        }
        text
    }
}

fn write_table<'a>(
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
            shown(latency.min()),
            shown(latency.percentile(50)),
            shown(latency.percentile(99)),
            shown(latency.max()),
        )?;
    }
    Ok(())
}

/// Writes the requests without a reply: those that still wait at the end of the capture,
/// and those whose wait was ended by a signal.
fn write_unanswered(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let (waiting, given_up): (Vec<_>, Vec<_>) = session
        .unanswered_requests()
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
        write_more(out, requests.len(), PENDING_MAX)?;
    }
    Ok(())
}
