//! The life of the driver's channels: when a virtual GPU went away, what was
//! open on it, and which calls failed after that.
//!
//! Records of the kind `Channel` say it. In a capture without them it is
//! concluded from ioctls that the driver refuses with -19 (`ENODEV`), and only
//! where no message of the virtual GPU follows.

use rustc_hash::FxHashSet;

use super::adapters::Adapters;
use super::objects::Objects;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::ObjectKind;

/// Departures remembered at most. A host removes a virtual GPU a few times a day.
const DEPARTURES_MAX: usize = 64;
/// How often all objects are counted at most to find out what was open.
const COUNTS_MAX: usize = 256;

/// What shows that a channel went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepartureEvidence {
    /// The host took its offer back: a record says so.
    Rescinded,
    /// The driver closed the channel: a record says so, and none tells of the host.
    Closed,
    /// Nothing but ioctls that failed with -19 since. The number is that of the
    /// latest message of the virtual GPU.
    Concluded(u64),
}

/// A channel that went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelDeparture {
    /// Number of the channel; `None` if the virtual GPU was never seen to use one.
    pub channel: Option<u32>,
    /// The packet that shows it.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// How it shows that.
    pub evidence: DepartureEvidence,
    /// What was open on it.
    pub open: OpenObjects,
    /// Ioctls that returned -19 since, without sending a message.
    pub failed_calls: u64,
    /// The latest of them, or 0.
    pub last_failed: u64,
    /// Whether it was opened again.
    pub reopened: bool,
}

/// How much exists on a virtual GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenObjects {
    /// Objects, without the adapter itself.
    pub objects: u64,
    /// Processes that they belong to.
    pub processes: u64,
}

/// A virtual GPU that may have gone.
#[derive(Debug, Clone, Copy)]
struct SuspectedDeparture {
    adapter: u8,
    departure: ChannelDeparture,
}

/// Follows the channels of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct ChannelLives {
    departures: Vec<ChannelDeparture>,
    suspected: Option<SuspectedDeparture>,
    counts: usize,
}

impl ChannelLives {
    /// Notes that a channel went away, as a record says. Returns false if that is
    /// known already.
    pub fn on_departure(
        &mut self,
        packet: &Packet<'_>,
        evidence: DepartureEvidence,
        open: OpenObjects,
    ) -> bool {
        let channel = packet.header.channel;
        if self.current(channel).is_some() {
            return false;
        }
        // The same is known better now.
        self.suspected = None;
        self.remember(ChannelDeparture {
            channel: Some(channel),
            packet: packet.number,
            time: packet.time,
            evidence,
            open,
            failed_calls: 0,
            last_failed: 0,
            reopened: false,
        });
        true
    }

    /// Notes that a channel is open, as a record or its first message says.
    pub fn on_open(&mut self, channel: u32, adapters: &Adapters) {
        if let Some(departure) = self.current(channel) {
            departure.reopened = true;
        }
        if let Some(suspected) = self.suspected.take() {
            let adapter = adapters.get(suspected.adapter);
            let of = adapter.and_then(|adapter| adapter.channel);
            if of == Some(channel) && is_silent(&suspected, adapters) {
                let departure = ChannelDeparture {
                    reopened: true,
                    ..suspected.departure
                };
                self.remember(departure);
            } else {
                self.suspected = Some(suspected);
            }
        }
    }

    /// Counts an ioctl that returned -19 without sending a message.
    pub fn on_failed_call(&mut self, packet: &Packet<'_>, objects: &Objects, adapters: &Adapters) {
        let recorded = self.departures.iter_mut().rev().find(|one| !one.reopened);
        if let Some(departure) = recorded {
            departure.failed_calls += 1;
            departure.last_failed = packet.number;
            return;
        }
        let lasts = |one: &SuspectedDeparture| is_silent(one, adapters);
        if let Some(suspected) = self.suspected.as_mut().filter(|one| lasts(one)) {
            suspected.departure.failed_calls += 1;
            suspected.departure.last_failed = packet.number;
            return;
        }
        self.suspected = self.suspect(packet, objects, adapters);
    }

    /// The channels that went away, oldest first.
    pub fn departures(&self, adapters: &Adapters) -> Vec<ChannelDeparture> {
        let suspected = self.suspected.as_ref();
        let suspected = suspected.filter(|one| is_silent(one, adapters));
        let concluded = suspected.map(|one| one.departure);
        let mut all: Vec<_> = self.departures.iter().copied().chain(concluded).collect();
        all.sort_by_key(|one| one.packet);
        all
    }

    fn current(&mut self, channel: u32) -> Option<&mut ChannelDeparture> {
        let mut gone = self.departures.iter_mut().rev();
        gone.find(|one| !one.reopened && one.channel == Some(channel))
    }

    fn remember(&mut self, departure: ChannelDeparture) {
        if self.departures.len() >= DEPARTURES_MAX {
            self.departures.remove(0);
        }
        self.departures.push(departure);
    }

    /// The virtual GPU that the calling process used, if it is clear which.
    fn suspect(
        &mut self,
        packet: &Packet<'_>,
        objects: &Objects,
        adapters: &Adapters,
    ) -> Option<SuspectedDeparture> {
        if self.counts >= COUNTS_MAX {
            return None;
        }
        self.counts += 1;
        let adapter = used_by(packet.header.pid, objects)?;
        let known = adapters.get(adapter)?;
        Some(SuspectedDeparture {
            adapter,
            departure: ChannelDeparture {
                channel: known.channel,
                packet: packet.number,
                time: packet.time,
                evidence: DepartureEvidence::Concluded(known.last),
                open: open_on(Some(adapter), objects),
                failed_calls: 1,
                last_failed: packet.number,
                reopened: false,
            },
        })
    }
}

/// Whether the virtual GPU has sent nothing since.
fn is_silent(suspected: &SuspectedDeparture, adapters: &Adapters) -> bool {
    let adapter = adapters.get(suspected.adapter);
    adapter.is_none_or(|adapter| adapter.last < suspected.departure.packet)
}

/// The only virtual GPU on which a process has objects.
fn used_by(pid: u32, objects: &Objects) -> Option<u8> {
    let mut used = objects
        .iter()
        .filter(|(_, object)| pid != 0 && object.created.pid == pid)
        .filter_map(|(_, object)| object.adapter);
    let first = used.next()?;
    used.all(|adapter| adapter == first).then_some(first)
}

/// What exists on an adapter, or on all.
pub(super) fn open_on(adapter: Option<u8>, objects: &Objects) -> OpenObjects {
    let mut processes = FxHashSet::default();
    let mut open = OpenObjects::default();
    for (id, object) in objects.iter() {
        let is_adapter = object.kind == Some(ObjectKind::Adapter);
        let counts =
            object.adapter.is_some() && adapter.is_none_or(|one| object.adapter == Some(one));
        if counts && !is_adapter {
            open.objects += 1;
            processes.insert(object.process.unwrap_or(id));
        }
    }
    open.processes = processes.len() as u64;
    open
}
