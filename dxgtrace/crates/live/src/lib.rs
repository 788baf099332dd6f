//! The live capture: loads the probe, attaches it, and turns what it writes
//! into packets.
//!
//! ```text
//! hooks -> ring buffer -> Ring (drains it) -> Assembler (pairs, folds, orders) -> Packet
//! ```
//!
//! [`Live`] is pulled: it has no thread and calls nobody back. Packets come in
//! the order in which the driver sent and received them.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod agreement;
mod assemble;
mod attach;
mod bpf;
mod btf;
mod clock;
mod counters;
mod error;
mod follow;
mod hooks;
mod kprobes;
mod missed;
mod modules;
mod object;
mod programs;
mod rights;
mod ring;
mod system;
mod trampoline;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use dxgtrace_ebpf::record::{MAX_PAYLOAD, Record};

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::LostPackets;

pub use attach::Backend;
pub use counters::LiveTotals;
pub use error::{AttachError, CAPABILITIES};
pub use modules::ModuleChange;
pub use programs::ProgramReport;
pub use rights::{Right, give_up_rights};
pub use system::DriverState;

use assemble::Assembler;
use attach::Attachment;
use clock::MonotonicClock;
use counters::CounterMaps;
use follow::Unfollowed;
use ring::RingReader;

/// Size of the ring buffer if nothing else is asked for: a second of 100,000
/// messages of 256 bytes.
pub const DEFAULT_RING_BYTES: u32 = 32 * 1024 * 1024;
/// How long calls that are in progress at the end are given to return.
const GRACE: Duration = Duration::from_millis(5);
/// How often is looked whether the driver has been loaded or unloaded.
const LOOK: Duration = Duration::from_millis(50);

/// What to capture, and how.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// How to hook the driver.
    pub target: CaptureTarget,
    /// Size of the ring buffer between kernel and user space: rounded up to a
    /// power of two, at least 1 MiB.
    pub ring_bytes: u32,
    /// Copy at most so many bytes of each payload.
    pub snap_length: u32,
    /// Only requests of these processes (thread group ids), if any are given.
    /// Messages from the host that answer nothing are always captured.
    /// The numbers are those of this process's PID namespace.
    pub pids: Vec<u32>,
    /// Also those of the children of `pids`, and of theirs.
    pub follow: bool,
    /// Only requests of tasks with this name, padded with NUL.
    pub comm: Option<[u8; 16]>,
    /// If there is no VMBus yet, wait until there is.
    pub wait: bool,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            target: CaptureTarget::Driver(None),
            ring_bytes: DEFAULT_RING_BYTES,
            snap_length: MAX_PAYLOAD,
            pids: Vec::new(),
            follow: false,
            comm: None,
            wait: false,
        }
    }
}

/// Whose traffic is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureTarget {
    /// The driver in this kernel, by one backend or by the best that works.
    Driver(Option<Backend>),
    /// A stand-in process (`dxgtrace replay`), by its pid.
    StandIn(u32),
    /// All processes that run this stand-in program, also later ones.
    StandInProgram(PathBuf),
}

/// A packet and the channels known so far; the packet's
/// [`Packet::interface`] is an index into them.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// All channels seen so far, in the order of their first packet.
    pub channels: &'a [Channel],
}

/// A running capture.
pub struct Live {
    // Dropped first: nothing more is written.
    attachment: Option<Attachment>,
    hooks: Vec<(&'static str, Backend)>,
    changes: Vec<ModuleChange>,
    looked: Instant,
    driver: DriverState,
    ring: RingReader,
    counters: CounterMaps,
    unfollowed: Unfollowed,
    assembler: Assembler,
    skipped: Option<u64>,
}

impl Live {
    /// Loads the probe and attaches it. From the return on, nothing is missed.
    pub fn start(options: &CaptureOptions) -> Result<Self, AttachError> {
        system::check_rights()?;
        let driver = system::driver();
        let clock = MonotonicClock::new();
        let mut attachment = attach::attach(options)?;
        let hooks = attachment.hooks();
        let ring = RingReader::new(&mut attachment.ebpf)?;
        let counters = CounterMaps::new(&mut attachment.ebpf)?;
        attachment.count_from_here(&counters);
        let unfollowed = Unfollowed::new(&mut attachment.ebpf)?;
        let filtered = !options.pids.is_empty() || options.comm.is_some();
        let patience = match options.target {
            CaptureTarget::StandIn(_) | CaptureTarget::StandInProgram(_) => {
                assemble::STAND_IN_PATIENCE
            }
            CaptureTarget::Driver(_) => assemble::PATIENCE,
        };
        Ok(Self {
            attachment: Some(attachment),
            hooks,
            changes: Vec::new(),
            looked: Instant::now(),
            driver,
            ring,
            counters,
            unfollowed,
            assembler: Assembler::new(clock, filtered, patience),
            skipped: None,
        })
    }

    /// The functions that are hooked, and how.
    pub fn hooks(&self) -> &[(&'static str, Backend)] {
        &self.hooks
    }

    /// How the driver is hooked, in words: `fentry`, or which functions by
    /// what.
    pub fn how(&self) -> String {
        let mut ways: Vec<(Backend, Vec<&str>)> = Vec::new();
        for (function, backend) in &self.hooks {
            match ways.iter_mut().find(|way| way.0 == *backend) {
                Some(way) => way.1.push(function),
                None => ways.push((*backend, vec![function])),
            }
        }
        let mut text = match &ways[..] {
            [] => return "nothing yet".to_owned(),
            [(backend, _)] => backend.name().to_owned(),
            ways => {
                let way = |(backend, functions): &(Backend, Vec<&str>)| {
                    format!("{} ({})", backend.name(), functions.join(", "))
                };
                ways.iter().map(way).collect::<Vec<_>>().join(" and ")
            }
        };
        let unseen = hooks::HOOKS.iter().map(|hook| hook.function);
        let unseen: Vec<&str> = unseen
            .filter(|function| !self.hooks.iter().any(|(hooked, _)| hooked == function))
            .collect();
        if !unseen.is_empty() {
            text += &format!(", without {}", unseen.join(" and "));
        }
        text
    }

    /// The rights that it takes to hook what comes later or anew; the others can
    /// be given up.
    pub fn rights(&self) -> Vec<Right> {
        match &self.attachment {
            Some(attachment) if !attachment.is_settled() => {
                let admin = self.driver != DriverState::Offered || system::paranoia().is_some();
                let admin = admin.then_some(Right::Admin);
                [Right::Hooks].into_iter().chain(admin).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Modules that have come or gone since the last call.
    pub fn changes(&mut self) -> Vec<ModuleChange> {
        std::mem::take(&mut self.changes)
    }

    /// What was found of the driver at the start. A capture on a system whose
    /// GPU has not appeared yet waits for it.
    pub fn driver(&self) -> DriverState {
        self.driver
    }

    /// The channels seen so far.
    pub fn channels(&self) -> &[Channel] {
        self.assembler.channels()
    }

    /// The next packet. `None` after `timeout` without one, on a signal, and
    /// for ever once a stopped capture has been read to its end.
    pub fn next(&mut self, timeout: Duration) -> std::io::Result<Option<Delivery<'_>>> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            self.look();
            if self.assembler.is_ready() {
                break;
            }
            if self.fill() {
                continue;
            }
            self.assembler.lost_in_kernel(self.counters.lost());
            if self.attachment.is_none() {
                self.assembler.finish();
                break;
            }
            self.assembler.idle_at(clock::monotonic());
            if self.assembler.is_ready() {
                break;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => timeout,
            };
            if left.is_zero() || !self.ring.wait(left)? {
                // A signal, or time is up: what came in the meantime is next.
                if !self.fill() || !self.assembler.is_ready() {
                    return Ok(None);
                }
            }
        }
        Ok(self.assembler.next())
    }

    /// Detaches the probe. What it has written is still delivered: call
    /// [`Live::next`] until it returns `None`.
    pub fn stop(&mut self) {
        if let Some(mut attachment) = self.attachment.take() {
            self.skipped = attachment.skipped(&self.counters);
            attachment.stop_entries();
            std::thread::sleep(GRACE);
            attachment.stop_returns();
        }
    }

    /// Now and then, looks whether the driver has come or gone.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        if let Some(attachment) = &mut self.attachment {
            let changes = attachment.look(&self.counters);
            if !changes.is_empty() {
                self.hooks = attachment.hooks();
                self.changes.extend(changes);
                self.driver = system::driver();
            }
        }
    }

    /// The time now as packets have it: nanoseconds since 1970.
    pub fn now(&self) -> u64 {
        self.assembler.wall(clock::monotonic())
    }

    /// Packets that came before the next one were not taken: shown as a record
    /// in their place.
    pub fn note_lost(&mut self, lost: LostPackets) {
        self.assembler.note_lost(lost);
    }

    /// Packets that are missing so far, by cause. Asks nothing of the kernel,
    /// so that a screen may look all the time.
    pub fn lost(&self) -> LostPackets {
        self.assembler.lost_total()
    }

    /// What has happened so far. Final after [`Live::stop`] and the last packet.
    pub fn totals(&self) -> LiveTotals {
        LiveTotals {
            lost: self.lost(),
            skipped: match &self.attachment {
                Some(attachment) => attachment.skipped(&self.counters),
                None => self.skipped,
            },
            ..self.counters.totals()
        }
    }

    /// How many children of followed processes could not be followed, because
    /// there are too many.
    pub fn unfollowed(&self) -> u64 {
        self.unfollowed.count()
    }

    /// What the kernel says about the programs, until [`Live::stop`].
    pub fn programs(&self) -> Vec<ProgramReport> {
        self.attachment
            .as_ref()
            .map(|attachment| programs::reports(&attachment.programs()))
            .unwrap_or_default()
    }

    /// Takes records from the ring until a packet is ready; false if the ring is empty.
    fn fill(&mut self) -> bool {
        let mut any = false;
        while !self.assembler.is_ready() {
            let Some(entry) = self.ring.next() else {
                break;
            };
            any = true;
            match Record::read(&entry) {
                Some(Record::Packet(packet, payload)) => self.assembler.packet(&packet, payload),
                Some(Record::SendReturn(end)) => self.assembler.send_return(&end),
                Some(Record::IoctlEnd(end)) => self.assembler.ioctl_end(&end),
                // The probe writes no others.
                None => {}
            }
        }
        any
    }
}
