//! Which packets make up a self-contained part of a capture: those chosen, the
//! other half of their exchanges, the creations of all objects that they name,
//! and how versions and adapters were agreed on.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use dxgtrace_protocol::decode::{Decoded, MessagePart};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordKind};
use dxgtrace_protocol::schema::{Field, FieldRole, Message, ObjectEffect, ObjectKind, ResetScope};
use dxgtrace_session::{Analysis, HandleHistory, Session};

/// What is chosen: what fulfils all that is said.
#[derive(Debug, Clone, Default)]
pub struct CutSelection {
    /// Packets with these numbers.
    pub frames: Option<RangeInclusive<u64>>,
    /// Packets of this process of the guest.
    pub pid: Option<u32>,
    /// Packets that name this handle.
    pub handle: Option<u64>,
    /// Packets in this span, in nanoseconds since the first one.
    pub time: Option<RangeInclusive<u64>>,
}

/// Collects the numbers of the packets to keep.
#[derive(Debug, Default)]
pub struct CutCollector {
    choice: CutSelection,
    chosen: BTreeSet<u64>,
    needed: BTreeSet<u64>,
    handshake: BTreeSet<u64>,
    /// Of requests that may create something: what they need.
    asked: FxHashMap<u64, Vec<u64>>,
    /// By number of the reply that created something: its request, and what
    /// that needed.
    creations: FxHashMap<u64, (u64, Vec<u64>)>,
    /// Requests of the handshake.
    shaking: BTreeSet<u64>,
    first: Option<u64>,
}

/// Why a packet is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReason {
    /// It was chosen, or its request or reply was.
    Chosen,
    /// It creates something that a chosen one needs.
    Needed,
    /// It says which version is spoken and how adapters are named.
    Handshake,
}

impl CutCollector {
    /// Looks for what `choice` says.
    pub fn new(choice: CutSelection) -> Self {
        Self {
            choice,
            ..Self::default()
        }
    }

    /// Takes the next packet, after `session` has seen it.
    pub fn see(&mut self, packet: &Packet<'_>, seen: &Analysis<'_>, session: &Session) {
        let first = *self.first.get_or_insert(packet.time);
        let number = packet.number;
        let decoded = seen.decoded.as_ref();
        let message = decoded.and_then(|decoded| decoded.message);
        let request = session.answered().map(|request| request.number);
        let process = process(seen, session);

        let is_handshake = message.is_some_and(is_handshake);
        if is_handshake && request.is_none_or(|request| self.shaking.contains(&request)) {
            self.handshake.insert(number);
            if request.is_none() {
                self.shaking.insert(number);
            }
        }
        if packet.header.kind == RecordKind::Packet
            && let Some(message) = message
            && creates(message)
        {
            match (decoded.map(|decoded| decoded.part), request) {
                (Some(MessagePart::Request), _) => {
                    let needs = decoded.map(|decoded| needs(decoded, process, session));
                    self.asked.insert(number, needs.unwrap_or_default());
                }
                (Some(MessagePart::Reply), Some(request)) => {
                    let needs = self.asked.remove(&request).unwrap_or_default();
                    self.creations.insert(number, (request, needs));
                }
                _ => {}
            }
        }
        let answers = request.is_some_and(|request| self.chosen.contains(&request));
        if answers || self.chooses(packet, first, decoded, process) {
            self.chosen.insert(number);
            self.chosen.extend(request);
            let wanted = decoded.map(|decoded| needs(decoded, process, session));
            self.need(wanted.unwrap_or_default());
            if let Some((_, needs)) = self.creations.get(&number) {
                self.need(needs.clone());
            }
        }
    }

    /// Whether a packet is one of those that were asked for.
    fn chooses(
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
        } = &self.choice;
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

    /// Keeps the creations with these numbers, and what they need themselves.
    fn need(&mut self, mut wanted: Vec<u64>) {
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

    /// Ends the search.
    pub fn finish(self) -> KeptPackets {
        let last = self.chosen.last().copied().unwrap_or(0);
        KeptPackets {
            handshake: self
                .handshake
                .into_iter()
                .filter(|number| *number < last)
                .collect(),
            chosen: self.chosen,
            needed: self.needed,
        }
    }
}

/// The packets to keep.
#[derive(Debug)]
pub struct KeptPackets {
    chosen: BTreeSet<u64>,
    needed: BTreeSet<u64>,
    handshake: BTreeSet<u64>,
}

impl KeptPackets {
    /// Why a packet is kept; `None` if it is not.
    pub fn why(&self, number: u64) -> Option<KeepReason> {
        if self.chosen.contains(&number) {
            Some(KeepReason::Chosen)
        } else if self.needed.contains(&number) {
            Some(KeepReason::Needed)
        } else if self.handshake.contains(&number) {
            Some(KeepReason::Handshake)
        } else {
            None
        }
    }

    /// How many packets were chosen.
    pub fn chosen(&self) -> usize {
        self.chosen.len()
    }

    /// How many are kept beside those.
    pub fn added(&self) -> usize {
        let beside = |set: &BTreeSet<u64>| set.difference(&self.chosen).count();
        let both = self.needed.intersection(&self.handshake);
        let twice = both.filter(|number| !self.chosen.contains(number)).count();
        beside(&self.needed) + beside(&self.handshake) - twice
    }
}

/// The process that a packet is about, as the host numbers it.
fn process(seen: &Analysis<'_>, session: &Session) -> u32 {
    let asked = session.answered().map(|request| request.process);
    let own = || {
        let frame = seen.decoded.as_ref().and_then(|decoded| decoded.frame);
        frame.map(|frame| frame.process)
    };
    asked.or_else(own).unwrap_or(0)
}

/// Numbers of the packets that created what a message names, and its process.
fn needs(decoded: &Decoded<'_>, process: u32, session: &Session) -> Vec<u64> {
    let mut found = Vec::new();
    let mut of = |kind: Option<ObjectKind>, handle: u64| {
        let history = session.history(process, kind, handle);
        let packet = history.first().map(|history| match history {
            HandleHistory::Living(entity) => entity.created.packet,
            HandleHistory::Gone(gone) => gone.entity.created.packet,
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
fn creates(message: &Message) -> bool {
    message.replies.layouts().any(|layout| {
        let life = |life: ObjectEffect| life == ObjectEffect::Creates;
        layout.fields.iter().any(|field| life(field.life))
            || layout.tails.iter().any(|tail| {
                let members = match tail.element {
                    dxgtrace_protocol::schema::TailElement::Struct(structure) => structure.fields,
                    dxgtrace_protocol::schema::TailElement::Value(_) => &[],
                };
                life(tail.life) || members.iter().any(|field| life(field.life))
            })
    })
}

/// Whether a message settles how the rest is to be read.
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
