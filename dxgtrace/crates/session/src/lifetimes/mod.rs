//! What messages do to objects, as the description says: who creates, uses and
//! destroys what, and when that is against the rules.
//!
//! A verdict needs certainty: that the object was created in the capture, and
//! that since then no packet was lost that could have changed it. Everything
//! else is taken as it comes, as an object from before the capture.

mod births;
mod ends;
mod facts;
mod handles;
mod memory;
mod uses;

use rustc_hash::FxHashMap;

use super::adapters::Adapters;
use super::names::ProcessNames;
use super::objects::{ChangeOrigin, ObjectEnd, ObjectId, Objects};
use super::plan::{MAX_ASKED, MessagePlans, Place};
use super::status::{self, ReplyOutcome};
use super::versions::{DeclaredVersion, Versions};
use super::waits::Waits;
use crate::check::Finding;
use dxgtrace_protocol::decode::{ArrayRef, Decoded, LocatedBody};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_protocol::schema::{
    FieldRole, HeaderProcess, Message, ObjectEffect, ReplyMode, ResetScope,
};
use dxgtrace_protocol::table::Catalog;

/// Requests with effects to come that are remembered at most.
const DEFERRED_MAX: usize = 1 << 14;
/// Values remembered of each cookie.
const COOKIES_MAX: usize = 8;
/// Devices that a process left behind, remembered until their adapter is seen
/// to live on.
const LEFT_MAX: usize = 64;

/// What is remembered of a request for its reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RequestContext {
    process: Option<ObjectId>,
    adapter: Option<u8>,
    asked: [u32; MAX_ASKED],
    bits: u8,
    event: Option<ObjectId>,
    declared: DeclaredVersion,
    /// What the reply's meaning depends on.
    number: u64,
}

impl RequestContext {
    fn has(&self, bit: u8) -> bool {
        bit == 0 || self.bits & (1 << (bit - 1)) != 0
    }
}

/// An effect that waits for the reply.
#[derive(Debug, Clone, Copy)]
enum PendingEffect {
    Destroys(ObjectId),
    Resident(ObjectId),
    Evicted(ObjectId),
    Offered(ObjectId),
    Reclaimed(ObjectId),
    Range {
        change: FieldRole,
        first: u64,
        bytes: u64,
    },
}

/// A device that its process left behind.
#[derive(Debug, Clone, Copy)]
struct OrphanDevice {
    adapter: u8,
    handle: u64,
    ended: u64,
}

/// Follows the objects of a capture.
#[derive(Debug, Clone, Default)]
pub(super) struct Lifetimes {
    pub objects: Objects,
    pub adapters: Adapters,
    pub versions: Versions,
    pub names: ProcessNames,
    /// Whether messages that allow it go without a reply, if known.
    pub async_mode: Option<bool>,
    /// Effects by the number of their request, and lists to be used again.
    deferred: FxHashMap<u64, Vec<PendingEffect>>,
    spare: Vec<Vec<PendingEffect>>,
    /// The run of packets since the driver's start, if nothing is missing.
    complete: Option<u32>,
    cookies: Vec<Vec<u64>>,
    left: Vec<OrphanDevice>,
    pub waits: Waits,
    /// What the messages do, by the description.
    plans: &'static MessagePlans,
    /// The process of the last request: requests of one process come in runs.
    last: Option<(u32, ObjectId)>,
}

/// A packet as the steps see it.
struct StepContext<'a, 'b> {
    at: ChangeOrigin,
    process: Option<ObjectId>,
    adapter: Option<u8>,
    body: &'b LocatedBody<'a>,
    /// The values of the fences that it names.
    values: Option<&'b ArrayRef<'a>>,
}

impl StepContext<'_, '_> {
    /// The value of the fence at a place in the list.
    fn fence_value(&self, index: Option<usize>) -> Option<u64> {
        let bytes = self.values?.element(index?);
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

impl Lifetimes {
    /// Follows the objects of other messages than the built-in ones.
    pub fn of(plans: &'static MessagePlans) -> Self {
        Self {
            plans,
            ..Self::default()
        }
    }

    /// The catalog of the messages that are followed.
    pub fn catalog(&self) -> &'static Catalog {
        self.plans.catalog
    }

    /// What the messages do.
    pub fn plans(&self) -> &'static MessagePlans {
        self.plans
    }

    /// Packets are missing: nothing that was known is certain any more.
    #[cold]
    pub fn gap(&mut self) {
        self.objects.epoch = self.objects.epoch.wrapping_add(1);
        self.left.clear();
    }

    /// Packets of others are missing, as in a capture of one process: what
    /// belongs to the whole virtual machine is not certain any more.
    pub fn skipped(&mut self) {
        self.complete = None;
    }

    /// A channel was opened anew, with a message that starts something.
    #[cold]
    pub fn restarted(&mut self, packet: &Packet<'_>, starts: ResetScope) {
        let at = origin(packet, packet.header);
        match starts {
            ResetScope::Driver => {
                self.objects.end_all(at);
                self.adapters = Adapters::default();
                self.versions = Versions::default();
                self.cookies.clear();
                self.left.clear();
                self.last = None;
            }
            ResetScope::Adapter | ResetScope::Nothing => {
                let Some(number) = self.adapters.on(packet.header.channel) else {
                    return;
                };
                let gone: Vec<ObjectId> = self
                    .objects
                    .iter()
                    .filter(|(_, entity)| entity.adapter == Some(number))
                    .map(|(id, _)| id)
                    .collect();
                for id in gone {
                    self.objects.end(id, at, ObjectEnd::ChannelClosed);
                }
                self.objects.ledger.leave(number);
                self.left.retain(|left| left.adapter != number);
            }
        }
    }

    /// Takes a guest message.
    pub fn request(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) -> RequestContext {
        let Some(frame) = &decoded.frame else {
            return RequestContext::default();
        };
        let at = origin(packet, packet.header);
        let starts = decoded.message.map_or(ResetScope::Nothing, |m| m.resets);
        if starts == ResetScope::Driver && packet.header.transaction == 1 {
            self.complete = Some(self.objects.epoch);
        }
        let adapter = self.adapters.of(packet, frame);
        if frame.is_async() {
            self.async_mode = Some(true);
        }
        let process = self.process(packet, decoded, frame, at, found);
        let mut memo = RequestContext {
            process,
            adapter,
            ..RequestContext::default()
        };
        if let Some(adapter) = adapter
            && !self.left.is_empty()
        {
            self.tell_left(adapter, starts, found);
        }
        let body = decoded.body.as_ref();
        let form = self.plans.request_of(decoded);
        let (Some(form), Some(body), Some(message)) = (form, body, decoded.message) else {
            if decoded
                .message
                .is_none_or(|m| m.mode == ReplyMode::NeverSent)
            {
                // It may have created or destroyed anything.
                self.gap();
            }
            let recorded = packet.header.interface_version;
            self.versions.framing(frame, recorded, decoded, found);
            return memo;
        };
        self.facts(packet, form, body, &mut memo, found);
        let recorded = packet.header.interface_version;
        self.versions.framing(frame, recorded, decoded, found);
        for (place, slice) in memo.asked.iter_mut().zip(&form.asked) {
            let handle = slice.as_ref().and_then(|slice| body.read_slice(slice));
            *place = handle.unwrap_or(0) as u32;
        }
        for (bit, condition) in form.conditions.iter().enumerate() {
            let holds = condition.as_ref().is_some_and(|one| one.holds(body));
            memo.bits |= u8::from(holds) << bit;
        }
        memo.number = form.asked_number.map_or(0, |asked| asked.number(body));
        let mut effects = self.spare.pop().unwrap_or_default();
        for step in &form.ranges {
            step.each(body, memo.number, |change, first, bytes| {
                effects.push(PendingEffect::Range {
                    change,
                    first,
                    bytes,
                });
            });
        }
        let values = form.fence_values.and_then(|tail| body.tail(tail));
        let scene = StepContext {
            at,
            process,
            adapter,
            body,
            values: values.as_ref(),
        };
        for step in &form.steps {
            if step.when.as_ref().is_some_and(|when| !body.holds(when)) || !memo.has(step.life_bit)
            {
                continue;
            }
            if !self.step(&scene, step, &mut memo, &mut effects, found)
                && step.life == ObjectEffect::Destroys
            {
                // What it destroys was not captured.
                self.gap();
            }
        }
        if message.header_process == HeaderProcess::Destroyed
            && let Some(process) = process
        {
            if let Some(entity) = self.objects.get_mut(process) {
                entity.dying = true;
            }
            effects.push(PendingEffect::Destroys(process));
        }
        self.defer(packet.number, effects);
        memo
    }

    /// Takes a reply to a request of which `memo` is remembered.
    pub fn reply(
        &mut self,
        packet: &Packet<'_>,
        request: (u64, &RecordHeader, &Message),
        decoded: &Decoded<'_>,
        memo: &RequestContext,
        outcome: ReplyOutcome,
        found: &mut impl FnMut(Finding),
    ) {
        let (number, header, message) = request;
        let Some(plan) = self.plans.plan(message) else {
            return;
        };
        let at = origin(packet, header);
        let body = decoded.body.as_ref();
        let plan_of_reply = body.and_then(|body| plan.reply(body.layout));
        if let Some(mut effects) = self.deferred.remove(&number) {
            if matches!(outcome, ReplyOutcome::Status(status) if status::is_no_memory(status)) {
                self.refused_memory(message, memo, &effects, found);
            }
            for effect in effects.drain(..) {
                self.take_effect(effect, at, memo, outcome, found);
            }
            self.spare.push(effects);
        }
        if let (Some(reply), Some(body)) = (plan_of_reply, body) {
            self.over_budget(plan, reply, body, memo, found);
        }
        let name = self.names.expected(number);
        if outcome.is_failure() {
            self.unsignalled(memo, at, outcome);
            return;
        }
        let (Some(reply), Some(body)) = (plan_of_reply, body) else {
            return;
        };
        self.answer_facts(packet.number, reply, body, memo, found);
        for step in &reply.ranges {
            step.each(body, memo.number, |change, first, bytes| {
                self.range(memo, change, first, bytes);
            });
        }
        let scene = StepContext {
            at,
            process: memo.process,
            adapter: memo.adapter,
            body,
            values: None,
        };
        let mut created = [None; 4];
        for (index, step) in reply.steps.iter().enumerate() {
            if step.life != ObjectEffect::Creates || !memo.has(step.life_bit) {
                continue;
            }
            let quiet = message.resets != ResetScope::Nothing;
            let Some(first) = self.create(&scene, step, memo, &created, quiet, found) else {
                // Handles were not captured, or there are too many.
                self.gap();
                continue;
            };
            if let Some(place) = created.get_mut(index) {
                *place = first;
            }
        }
        let new = created.iter().flatten().next().copied();
        if let (Some(name), Some(id)) = (name, new) {
            self.names.set(id, name);
        }
        if let (Some(event), Some(owner)) = (memo.event, new)
            && self.objects.get(event).is_some_and(|event| event.lasting)
        {
            self.objects.give(event, owner);
        }
    }

    /// Takes a host message.
    pub fn event(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let body = decoded.body.as_ref();
        let form = self.plans.request_of(decoded);
        let (Some(form), Some(body)) = (form, body) else {
            return;
        };
        if body.shortfall.is_some() {
            // The driver reads nothing of it.
            return;
        }
        let at = origin(packet, packet.header);
        for step in &form.steps {
            if let (ObjectEffect::Destroys, Place::Fixed { at: place, .. }) =
                (step.life, step.place)
                && let Some(number) = body.number(usize::from(place), step.size)
            {
                let offset = body.base + usize::from(place);
                self.signalled(number, step, at, offset, found);
            }
        }
        self.echoes(form, body, found);
    }

    /// Whether everything since the driver's start was captured.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(self.objects.epoch)
    }

    /// A request that nobody will answer any more has no effect that is known.
    #[cold]
    pub fn abandon(&mut self, request: u64) {
        if let Some(mut effects) = self.deferred.remove(&request) {
            effects.clear();
            self.spare.push(effects);
        }
        self.names.expected(request);
    }

    fn defer(&mut self, request: u64, effects: Vec<PendingEffect>) {
        if effects.is_empty() {
            self.spare.push(effects);
            return;
        }
        if self.deferred.len() >= DEFERRED_MAX {
            // So many requests are never under way: replies are missing.
            self.deferred.clear();
            self.gap();
        }
        self.deferred.insert(request, effects);
    }
}

fn origin(packet: &Packet<'_>, header: &RecordHeader) -> ChangeOrigin {
    let known = header.known.has(KnownFields::TASK);
    ChangeOrigin {
        packet: packet.number,
        time: packet.time,
        pid: if known { header.pid } else { 0 },
        tid: if known { header.tid } else { 0 },
    }
}
