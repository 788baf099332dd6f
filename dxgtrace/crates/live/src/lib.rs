//! The live capture: loads the probe, attaches it, and turns what it writes
//! into packets.
//!
//! ```text
//! hooks -> ring buffer -> Ring (drains it) -> Assembler (pairs, folds, orders) -> Packet
//! ```
//!
//! [`Live`] has no thread and no callbacks: the caller asks for the next packet.
//! Packets come in the order in which the driver sent and received them.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

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
mod probe_object;
mod programs;
mod rights;
mod ring;
mod shared_constants;
mod system;
mod trampoline;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use dxgtrace_doctor::VmbusChannels;
use dxgtrace_ebpf::record::{MAX_PAYLOAD, Record};

use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_protocol::record::header::LostPackets;

pub use attach::Backend;
pub use counters::LiveTotals;
pub use error::{AttachError, CAPABILITIES};
pub use modules::ModuleChange;
pub use programs::ProgramReport;
pub use rights::{Right, give_up_all_rights, give_up_rights};
pub use system::DriverState;

use assemble::Assembler;
use attach::Attachment;
use clock::MonotonicClock;
use counters::CounterMaps;
use follow::UnfollowedCount;
use hooks::HookPurpose;
use ring::RingReader;

/// Default size of the ring buffer in bytes: holds 100,000 messages of 256 bytes.
pub const DEFAULT_RING_BYTES: u32 = 32 * 1024 * 1024;
/// How long [`Live::stop`] waits for calls in progress to return.
const RETURN_GRACE: Duration = Duration::from_millis(5);
/// Interval between two checks whether the driver was loaded or unloaded.
const MODULE_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// What to capture, and how.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// How to hook the driver.
    pub target: CaptureTarget,
    /// Size of the ring buffer between kernel and user space: rounded up to a
    /// power of two, at least 1 MiB.
    pub ring_bytes: u32,
    /// Bytes of each payload that are copied, at most.
    pub snap_length: u32,
    /// Captures only requests of these processes (thread group ids, in this
    /// process's PID namespace); empty captures all. Messages from the host that
    /// are no replies are always captured.
    pub pids: Vec<u32>,
    /// Also captures requests of all descendants of `pids`.
    pub follow: bool,
    /// Captures only requests of tasks with this name, padded with NUL.
    pub comm: Option<[u8; 16]>,
    /// Waits for the VMBus driver to be loaded instead of failing without it.
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
    /// All processes that run this stand-in program, including those that start
    /// later.
    StandInProgram(PathBuf),
}

/// A packet and the channels known so far; the packet's
/// [`Packet::interface`] is an index into them.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// The channels seen so far, in the order of their first packets.
    pub channels: &'a [Channel],
}

/// A running capture.
pub struct Live {
    // Dropped first, so that the probe writes no more records.
    attachment: Option<Attachment>,
    hooks: Vec<(&'static str, Backend)>,
    changes: Vec<ModuleChange>,
    modules_checked: Instant,
    driver: DriverState,
    ring: RingReader,
    counters: CounterMaps,
    unfollowed: UnfollowedCount,
    assembler: Assembler,
    skipped: Option<u64>,
}

impl Live {
    /// Loads the probe and attaches it. Every call of the driver that begins after
    /// this function has returned is captured.
    ///
    /// # Errors
    /// The kernel, the rights of this process or `options` do not allow it.
    pub fn start(options: &CaptureOptions) -> Result<Self, AttachError> {
        system::check_rights()?;
        let driver = system::driver_state();
        let clock = MonotonicClock::new();
        let mut attachment = attach::attach(options)?;
        let hooks = attachment.hooks();
        let ring = RingReader::new(&mut attachment.ebpf)?;
        let counters = CounterMaps::new(&mut attachment.ebpf)?;
        attachment.restart_skipped_count(&counters);
        let unfollowed = UnfollowedCount::new(&mut attachment.ebpf)?;
        let filtered = !options.pids.is_empty() || options.comm.is_some();
        let (patience, offered): (_, fn() -> VmbusChannels) = match options.target {
            CaptureTarget::StandIn(_) | CaptureTarget::StandInProgram(_) => {
                (assemble::STAND_IN_SEND_TIMEOUT, VmbusChannels::new)
            }
            CaptureTarget::Driver(_) => (assemble::SEND_TIMEOUT, system::offered_channels),
        };
        Ok(Self {
            attachment: Some(attachment),
            hooks,
            changes: Vec::new(),
            modules_checked: Instant::now(),
            driver,
            ring,
            counters,
            unfollowed,
            assembler: Assembler::new(clock, filtered, patience, offered),
            skipped: None,
        })
    }

    /// The functions that are hooked, and how.
    pub fn hooks(&self) -> &[(&'static str, Backend)] {
        &self.hooks
    }

    /// Whether the driver's ioctl function is hooked. Ioctls that began before that have
    /// no record.
    pub fn sees_ioctls(&self) -> bool {
        self.hooks
            .iter()
            .any(|(function, _)| *function == dxgtrace_ebpf::functions::IOCTL)
    }

    /// Describes how the driver is hooked: the name of the backend, or of several
    /// backends with the functions that each hooks. Functions for the life of
    /// channels are named only if they are not hooked.
    pub fn describe_hooks(&self) -> String {
        let mut ways: Vec<(Backend, Vec<&str>)> = Vec::new();
        let of_messages = |function: &str| {
            let mut hooks = hooks::HOOKS.iter();
            hooks.any(|hook| hook.function == function && hook.purpose != HookPurpose::Channels)
        };
        let of_messages = self.hooks.iter().filter(|(name, _)| of_messages(name));
        for (function, backend) in of_messages {
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
        let missing = hooks::HOOKS.iter().map(|hook| hook.function);
        let missing: Vec<&str> = missing
            .filter(|function| !self.hooks.iter().any(|(hooked, _)| hooked == function))
            .collect();
        if !missing.is_empty() {
            text += &format!(", without {}", missing.join(" and "));
        }
        text
    }

    /// The rights that this capture still needs, to hook modules that are loaded
    /// later. The caller can give up all others.
    pub fn rights(&self) -> Vec<Right> {
        match &self.attachment {
            Some(attachment) if !attachment.is_final() => {
                let admin =
                    self.driver != DriverState::Offered || system::paranoid_level().is_some();
                let admin = admin.then_some(Right::Admin);
                [Right::Hooks].into_iter().chain(admin).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Modules that were loaded or unloaded since the last call.
    pub fn changes(&mut self) -> Vec<ModuleChange> {
        std::mem::take(&mut self.changes)
    }

    /// The state of the driver when the hooks last changed. A capture of a system
    /// without a GPU waits for one.
    pub fn driver(&self) -> DriverState {
        self.driver
    }

    /// The channels seen so far.
    pub fn channels(&self) -> &[Channel] {
        self.assembler.channels()
    }

    /// Returns the next packet, or `None` after `timeout` without one, on a signal,
    /// and at the end of a stopped capture.
    ///
    /// # Errors
    /// Waiting for the ring buffer fails.
    pub fn next(&mut self, timeout: Duration) -> std::io::Result<Option<Delivery<'_>>> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            self.check_modules();
            if self.assembler.is_ready() {
                break;
            }
            if self.read_ring() {
                continue;
            }
            self.assembler.on_loss_counts(self.counters.lost());
            if self.attachment.is_none() {
                self.assembler.finish();
                break;
            }
            self.assembler.on_idle(clock::monotonic());
            if self.assembler.is_ready() {
                break;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => timeout,
            };
            if left.is_zero() || !self.ring.wait(left)? {
                // A signal or the timeout: read the records that came meanwhile.
                if !self.read_ring() || !self.assembler.is_ready() {
                    return Ok(None);
                }
            }
        }
        Ok(self.assembler.next())
    }

    /// Detaches the probe. To read the records that it has written, call
    /// [`Live::next`] until it returns `None`.
    pub fn stop(&mut self) {
        if let Some(mut attachment) = self.attachment.take() {
            self.skipped = attachment.skipped(&self.counters);
            attachment.detach_entries();
            std::thread::sleep(RETURN_GRACE);
            attachment.detach_rest();
        }
    }

    /// Checks, at most once in [`MODULE_CHECK_INTERVAL`], whether a hooked module was loaded or
    /// unloaded.
    fn check_modules(&mut self) {
        if self.modules_checked.elapsed() < MODULE_CHECK_INTERVAL {
            return;
        }
        self.modules_checked = Instant::now();
        if let Some(attachment) = &mut self.attachment {
            let changes = attachment.update_hooks(&self.counters);
            if !changes.is_empty() {
                self.hooks = attachment.hooks();
                self.changes.extend(changes);
                self.driver = system::driver_state();
            }
        }
    }

    /// The current time on the clock of packets, in nanoseconds since 1970.
    pub fn now(&self) -> u64 {
        self.assembler.wall(clock::monotonic())
    }

    /// Inserts a record of `lost` packets before the next packet: the caller has
    /// dropped them.
    pub fn note_lost(&mut self, lost: LostPackets) {
        self.assembler.note_lost(lost);
    }

    /// Packets lost so far, by cause. Makes no system call.
    pub fn lost(&self) -> LostPackets {
        self.assembler.lost_total()
    }

    /// Totals so far. They are final after [`Live::stop`] and the last packet.
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

    /// Number of child processes that the probe does not follow, because its table
    /// of processes is full.
    pub fn unfollowed(&self) -> u64 {
        self.unfollowed.count()
    }

    /// The kernel's statistics of the programs; empty after [`Live::stop`].
    pub fn programs(&self) -> Vec<ProgramReport> {
        self.attachment
            .as_ref()
            .map(|attachment| programs::reports(&attachment.programs()))
            .unwrap_or_default()
    }

    /// Reads records until a packet is ready. Returns false if the ring is empty.
    fn read_ring(&mut self) -> bool {
        let mut any = false;
        while !self.assembler.is_ready() {
            let Some(entry) = self.ring.next() else {
                break;
            };
            any = true;
            match Record::read(&entry) {
                Some(Record::Packet(packet, payload)) => self.assembler.on_packet(&packet, payload),
                Some(Record::SendReturn(end)) => self.assembler.on_send_return(&end),
                Some(Record::IoctlEnd(end)) => self.assembler.on_ioctl_end(&end),
                Some(Record::Channel(event)) => self.assembler.on_channel_event(&event),
                // The probe writes no others.
                None => {}
            }
        }
        any
    }
}
