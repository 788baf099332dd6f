//! Selects the packets of a self-contained part of a capture: the selected packets, their
//! requests and replies, the creations of all objects that they name, and the exchanges
//! that set up versions and adapters.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_protocol::schema::{Field, FieldRole, Message, ObjectEffect, ObjectKind, ResetScope};
use dxgtrace_session::{Analysis, HandleHistory, Session};

/// The conditions for packets. A packet is selected if it meets all that are set.
#[derive(Debug, Clone, Default)]
pub struct CutSelection {
    /// Range of packet numbers.
    pub frames: Option<RangeInclusive<u64>>,
    /// Process id in the guest.
    pub pid: Option<u32>,
    /// Handle that the packet names.
    pub handle: Option<u64>,
    /// Range of times in nanoseconds since the first packet.
    pub time: Option<RangeInclusive<u64>>,
}

/// Collects the numbers of the packets to keep.
#[derive(Debug, Default)]
pub struct CutCollector {
    selection: CutSelection,
    selected: BTreeSet<u64>,
    needed: BTreeSet<u64>,
    handshake: BTreeSet<u64>,
    /// By number of a request that may create objects: the replies that created the objects
    /// it names.
    request_needs: FxHashMap<u64, Vec<u64>>,
    /// By number of a reply that created objects: its request, and the replies that created
    /// the objects which that names.
    creations: FxHashMap<u64, (u64, Vec<u64>)>,
    /// Numbers of the requests of the handshake.
    handshake_requests: BTreeSet<u64>,
    first: Option<u64>,
}

/// The reason for keeping a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReason {
    /// The packet was selected, or its request or reply was.
    Selected,
    /// The packet creates an object that a selected packet needs.
    Needed,
    /// The packet sets up the interface version or adapters.
    Handshake,
}

impl CutCollector {
    /// Collects the packets that `selection` selects.
    pub fn new(selection: CutSelection) -> Self {
        Self {
            selection,
            ..Self::default()
        }
    }

    /// Adds the next packet, after `session` has processed it.
    pub fn add_packet(&mut self, packet: &Packet<'_>, seen: &Analysis<'_>, session: &Session) {
        let first = *self.first.get_or_insert(packet.time);
        let number = packet.number;
        let decoded = seen.decoded.as_ref();
        let message = decoded.and_then(|decoded| decoded.message);
        let request = session.answered_request().map(|request| request.number);
        let process = process(seen, session);

        let is_handshake = message.is_some_and(is_handshake);
        if is_handshake && request.is_none_or(|request| self.handshake_requests.contains(&request))
        {
            self.handshake.insert(number);
            if request.is_none() {
                self.handshake_requests.insert(number);
            }
        }
        if packet.header.kind == RecordKind::Packet
            && let Some(message) = message
            && creates_objects(message)
        {
            match (decoded.map(|decoded| decoded.part), request) {
                (Some(MessagePart::Request), _) => {
                    let needs = decoded.map(|decoded| creations_of(decoded, process, session));
                    self.request_needs.insert(number, needs.unwrap_or_default());
                }
                (Some(MessagePart::Reply), Some(request)) => {
                    let needs = self.request_needs.remove(&request).unwrap_or_default();
                    self.creations.insert(number, (request, needs));
                }
                _ => {}
            }
        }
        let is_reply_to_selected = request.is_some_and(|request| self.selected.contains(&request));
        if is_reply_to_selected || self.is_selected(packet, first, decoded, process) {
            self.selected.insert(number);
            self.selected.extend(request);
            let wanted = decoded.map(|decoded| creations_of(decoded, process, session));
            self.keep_creations(wanted.unwrap_or_default());
            if let Some((_, needs)) = self.creations.get(&number) {
                self.keep_creations(needs.clone());
            }
        }
    }

    /// Whether a packet meets all conditions.
    fn is_selected(
        &self,
        packet: &Packet<'_>,
        first: u64,
        decoded: Option<&Decoded<'_>>,
        process: u32,
    ) -> bool {
        let CutSelection {
            frames,
            pid,
            handle,
            time,
        } = &self.selection;
        let header = packet.header;
        let since = packet.time.saturating_sub(first);
        frames
            .as_ref()
            .is_none_or(|range| range.contains(&packet.number))
            && time.as_ref().is_none_or(|range| range.contains(&since))
            && pid.is_none_or(|pid| header.known.has(KnownFields::TASK) && header.pid == pid)
            && handle.is_none_or(|handle| {
                let mut found = u64::from(process) == handle;
                if let Some(decoded) = decoded {
                    decoded.handles(&mut |_, named| found |= named == handle);
                }
                found
            })
    }

    /// Keeps the replies in `wanted` and their requests, and recursively the creations that
    /// they need.
    fn keep_creations(&mut self, mut wanted: Vec<u64>) {
        while let Some(reply) = wanted.pop() {
            let Some((request, needs)) = self.creations.get(&reply) else {
                continue;
            };
            if self.needed.insert(reply) {
                self.needed.insert(*request);
                wanted.extend(needs);
            }
        }
    }

    /// Returns the packets to keep.
    pub fn finish(self) -> KeptPackets {
        let last = self.selected.last().copied().unwrap_or(0);
        KeptPackets {
            handshake: self
                .handshake
                .into_iter()
                .filter(|number| *number < last)
                .collect(),
            selected: self.selected,
            needed: self.needed,
        }
    }
}

/// Numbers of the packets to keep.
#[derive(Debug)]
pub struct KeptPackets {
    selected: BTreeSet<u64>,
    needed: BTreeSet<u64>,
    handshake: BTreeSet<u64>,
}

impl KeptPackets {
    /// The reason for keeping the packet with `number`; `None` if it is not kept.
    pub fn reason(&self, number: u64) -> Option<KeepReason> {
        if self.selected.contains(&number) {
            Some(KeepReason::Selected)
        } else if self.needed.contains(&number) {
            Some(KeepReason::Needed)
        } else if self.handshake.contains(&number) {
            Some(KeepReason::Handshake)
        } else {
            None
        }
    }

    /// Number of selected packets.
    pub fn selected_count(&self) -> usize {
        self.selected.len()
    }

    /// Number of packets that are kept in addition.
    pub fn added_count(&self) -> usize {
        let beside = |set: &BTreeSet<u64>| set.difference(&self.selected).count();
        let both = self.needed.intersection(&self.handshake);
        let twice = both
            .filter(|number| !self.selected.contains(number))
            .count();
        beside(&self.needed) + beside(&self.handshake) - twice
    }
}

/// The handle of the process of a packet on the host.
fn process(seen: &Analysis<'_>, session: &Session) -> u32 {
    let asked = session.answered_request().map(|request| request.process);
    let own = || {
        let frame = seen.decoded.as_ref().and_then(|decoded| decoded.frame);
        frame.map(|frame| frame.process)
    };
    asked.or_else(own).unwrap_or(0)
}

/// Numbers of the packets that created the objects that a message names, and its process.
fn creations_of(decoded: &Decoded<'_>, process: u32, session: &Session) -> Vec<u64> {
    let mut found = Vec::new();
    let mut of = |kind: Option<ObjectKind>, handle: u64| {
        let history = session.history(process, kind, handle);
        let packet = history.first().map(|history| match history {
            HandleHistory::Live(entity) => entity.created.packet,
            HandleHistory::Ended(gone) => gone.entity.created.packet,
        });
        found.extend(packet.filter(|packet| *packet != 0));
    };
    if process != 0 {
        of(Some(ObjectKind::Process), u64::from(process));
    }
    decoded.handles(&mut |kinds, handle| {
        let wide = kinds.iter().copied().filter(|kind| kind.is_vm_wide());
        for kind in wide {
            of(Some(kind), handle);
        }
        if kinds.iter().any(|kind| !kind.is_vm_wide()) {
            of(None, handle);
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a message creates objects.
fn creates_objects(message: &Message) -> bool {
    message.replies.layouts().any(|layout| {
        let life = |life: ObjectEffect| life == ObjectEffect::Creates;
        layout.fields.iter().any(|field| life(field.effect))
            || layout.tails.iter().any(|tail| {
                let members = match tail.element {
                    dxgtrace_protocol::schema::TailElement::Struct(structure) => structure.fields,
                    dxgtrace_protocol::schema::TailElement::Value(_) => &[],
                };
                life(tail.effect) || members.iter().any(|field| life(field.effect))
            })
    })
}

/// Whether a message affects how other messages are decoded.
fn is_handshake(message: &Message) -> bool {
    let settles = |field: &Field| {
        matches!(
            field.role,
            FieldRole::Version | FieldRole::Compatible | FieldRole::AsyncMode | FieldRole::VgpuLuid
        )
    };
    message.resets != ResetScope::Nothing
        || message
            .layouts()
            .any(|layout| layout.fields.iter().any(settles))
}
