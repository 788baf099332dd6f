//! Tracks the lifetimes of objects: applies what messages create, use and
//! destroy according to the table, and reports violations.
//!
//! A violation is reported only if it is certain: the object was created in the
//! capture, and no packet was lost since then that could have changed it. An
//! unknown handle is otherwise taken for an object that predates the capture.

mod adapter_loss;
mod creation;
mod destruction;
mod handle_use;
mod handles;
mod memory;
mod role_fields;

use rustc_hash::FxHashMap;

use super::adapters::Adapters;
use super::channels::{self, OpenObjects};
use super::names::ProcessNames;
use super::objects::{ChangeOrigin, ObjectEnd, ObjectId, Objects};
use super::plan::{MessagePlans, OWNER_HANDLES_MAX, Place};
use super::status::{self, ReplyOutcome};
use super::sync::{SyncEffect, SyncModel, SyncRequest};
use super::versions::{DeclaredVersion, Versions};
use crate::check::Finding;
use dxgtrace_protocol::decode::{ArrayRef, Decoded, LocatedBody};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{ChannelKind, KnownFields, RecordHeader};
use dxgtrace_protocol::schema::{
    FieldRole, HeaderProcess, Message, ObjectEffect, ObjectKind, ReplyMode, ResetScope,
};
use dxgtrace_protocol::table::Catalog;
use dxgtrace_protocol::table::framing::FLAG_COMPLETION_REQUESTED;

/// Maximum number of requests whose effects wait for a reply.
const DEFERRED_MAX: usize = 1 << 14;
/// Maximum number of values that are kept for each cookie.
const COOKIES_MAX: usize = 8;
/// Maximum number of orphan devices, which are kept until their adapter is
/// known to be alive.
const ORPHANS_MAX: usize = 64;

/// What a reply's effects depend on: values of its request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RequestContext {
    process: Option<ObjectId>,
    adapter: Option<u8>,
    owner_handles: [u32; OWNER_HANDLES_MAX],
    conditions: u8,
    event: Option<ObjectId>,
    /// The queue that it names first.
    queue: Option<ObjectId>,
    declared: DeclaredVersion,
    /// The number that the reply depends on; see
    /// [`RequestPlan::parameter`](super::plan::RequestPlan::parameter).
    parameter: u64,
    /// A hash of the enumerations and flags in the request.
    pub parameter_kind: u64,
}

impl RequestContext {
    /// The process that sent the request.
    pub fn process(&self) -> Option<ObjectId> {
        self.process
    }

    fn condition_holds(&self, bit: u8) -> bool {
        bit == 0 || self.conditions & (1 << (bit - 1)) != 0
    }
}

/// An effect of a request that waits for its reply.
#[derive(Debug, Clone, Copy)]
enum PendingEffect {
    Destroys(ObjectId),
    Resident(ObjectId),
    Evicted(ObjectId),
    Offered(ObjectId),
    Reclaimed(ObjectId),
    Sync(SyncEffect),
    Range {
        change: FieldRole,
        first: u64,
        bytes: u64,
    },
}

/// A device that was not destroyed before its process ended.
#[derive(Debug, Clone, Copy)]
struct OrphanDevice {
    adapter: u8,
    handle: u64,
    ended: u64,
}

/// The objects of a capture, and what is needed to follow them.
#[derive(Debug, Clone, Default)]
pub(super) struct Lifetimes {
    pub objects: Objects,
    pub adapters: Adapters,
    pub versions: Versions,
    pub names: ProcessNames,
    /// Whether async mode is on, if known.
    pub async_mode: Option<bool>,
    /// Effects by the packet number of their request.
    deferred: FxHashMap<u64, Vec<PendingEffect>>,
    spare_lists: Vec<Vec<PendingEffect>>,
    /// The loss-free run of packets in which the driver was started, if it was
    /// captured.
    complete_epoch: Option<u32>,
    cookies: Vec<Vec<u64>>,
    orphans: Vec<OrphanDevice>,
    /// The processes, by pid, whose adapter loss was reported.
    told_gone: Vec<u32>,
    pub sync: SyncModel,
    /// What the current message asks of fences and queues.
    sync_request: SyncRequest,
    /// The plans of the messages.
    plans: &'static MessagePlans,
    /// Handle and id of the last request's process, as a cache: requests of one
    /// process come in runs.
    last_process: Option<(u32, ObjectId)>,
}

/// The packet to which a step is applied.
struct StepContext<'a, 'b> {
    at: ChangeOrigin,
    process: Option<ObjectId>,
    adapter: Option<u8>,
    body: &'b LocatedBody<'a>,
    /// The values for the fences that the packet names.
    values: Option<&'b ArrayRef<'a>>,
}

impl StepContext<'_, '_> {
    /// The value for the fence at `index` in the list.
    fn fence_value(&self, index: Option<usize>) -> Option<u64> {
        let bytes = self.values?.element(index?);
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

impl Lifetimes {
    /// Creates the state for the messages of other plans than the built-in
    /// ones.
    pub fn with_plans(plans: &'static MessagePlans) -> Self {
        Self {
            plans,
            ..Self::default()
        }
    }

    /// The catalog of the messages that are followed.
    pub fn catalog(&self) -> &'static Catalog {
        self.plans.catalog
    }

    /// The plans of the messages.
    pub fn plans(&self) -> &'static MessagePlans {
        self.plans
    }

    /// Records a loss of packets: nothing known so far is certain any more.
    #[cold]
    pub fn on_packet_loss(&mut self) {
        self.objects.epoch = self.objects.epoch.wrapping_add(1);
        self.orphans.clear();
    }

    /// Records that packets of other processes are not captured: VM-wide
    /// objects are not certain any more.
    pub fn on_partial_capture(&mut self) {
        self.complete_epoch = None;
    }

    /// Ends what a reopened channel takes with it. `starts` is what its first
    /// message starts.
    #[cold]
    pub fn on_channel_reopened(&mut self, packet: &Packet<'_>, starts: ResetScope) {
        let at = origin(packet, packet.header);
        self.told_gone.clear();
        match starts {
            ResetScope::Driver => {
                self.objects.end_all(at);
                self.adapters = Adapters::default();
                self.versions = Versions::default();
                self.cookies.clear();
                self.orphans.clear();
                self.last_process = None;
            }
            ResetScope::Adapter | ResetScope::Nothing => {
                let Some(number) = self.adapters.on_channel(packet.header.channel) else {
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
                self.objects.ledger.clear_ranges_on(number);
                self.orphans.retain(|orphan| orphan.adapter != number);
            }
        }
    }

    /// What exists on the virtual GPU of a record's channel, or of the global
    /// channel on all of them.
    #[cold]
    pub fn open_on(&self, header: &RecordHeader) -> OpenObjects {
        match (
            header.channel_kind,
            self.adapters.on_channel(header.channel),
        ) {
            (ChannelKind::Global, _) => channels::open_on(None, &self.objects),
            (_, Some(adapter)) => channels::open_on(Some(adapter), &self.objects),
            (_, None) => OpenObjects::default(),
        }
    }

    /// Applies a guest message and returns what its reply will need.
    pub fn on_request(
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
            self.complete_epoch = Some(self.objects.epoch);
        }
        let adapter = self.adapters.find_or_add(packet, frame);
        if frame.is_async() {
            self.async_mode = Some(true);
        }
        let process = self.process_of(packet, decoded, frame, at, found);
        let mut context = RequestContext {
            process,
            adapter,
            ..RequestContext::default()
        };
        if let Some(adapter) = adapter
            && !self.orphans.is_empty()
        {
            self.report_orphans(adapter, starts, found);
        }
        let body = decoded.body.as_ref();
        let form = self.plans.form_of(decoded);
        let (Some(form), Some(body), Some(message)) = (form, body, decoded.message) else {
            if decoded
                .message
                .is_none_or(|m| m.mode == ReplyMode::NeverSent)
            {
                // An unknown message may have created or destroyed anything.
                self.on_packet_loss();
            }
            let recorded = packet.header.interface_version;
            self.versions.check_framing(frame, recorded, decoded, found);
            return context;
        };
        self.sync_request.clear();
        self.read_request_roles(packet, form, body, &mut context, found);
        let recorded = packet.header.interface_version;
        self.versions.check_framing(frame, recorded, decoded, found);
        for (place, slice) in context.owner_handles.iter_mut().zip(&form.owner_handles) {
            let handle = slice.as_ref().and_then(|slice| body.read_slice(slice));
            *place = handle.unwrap_or(0) as u32;
        }
        for (bit, condition) in form.conditions.iter().enumerate() {
            let holds = condition.as_ref().is_some_and(|one| one.holds(body));
            context.conditions |= u8::from(holds) << bit;
        }
        if let Some(parameter) = form.parameter {
            context.parameter = parameter.read(body);
        }
        context.parameter_kind = form.parameter_kind(body);
        let mut effects = self.spare_lists.pop().unwrap_or_default();
        for step in &form.ranges {
            step.for_each(body, context.parameter, |change, first, bytes| {
                effects.push(PendingEffect::Range {
                    change,
                    first,
                    bytes,
                });
            });
        }
        let values = form.fence_values.and_then(|tail| body.tail(tail));
        let step_context = StepContext {
            at,
            process,
            adapter,
            body,
            values: values.as_ref(),
        };
        for step in &form.steps {
            if step.when.as_ref().is_some_and(|when| !body.holds(when))
                || !context.condition_holds(step.effect_condition)
            {
                continue;
            }
            if !self.apply_step(&step_context, step, &mut context, &mut effects, found)
                && step.effect == ObjectEffect::Destroys
            {
                // The handles that it destroys were not captured.
                self.on_packet_loss();
            }
        }
        context.queue = self.sync_request.queue();
        // Without a reply nothing confirms what was asked, or takes it back.
        let is_replied = packet.header.packet_flags & FLAG_COMPLETION_REQUESTED != 0;
        self.sync.on_request(
            &self.sync_request,
            &self.objects,
            at,
            context.event,
            |effect| {
                if is_replied {
                    effects.push(PendingEffect::Sync(effect));
                }
            },
            found,
        );
        if message.header_process == HeaderProcess::Destroyed
            && let Some(process) = process
        {
            if let Some(entity) = self.objects.get_mut(process) {
                entity.dying = true;
            }
            effects.push(PendingEffect::Destroys(process));
        }
        self.defer(packet.number, effects);
        context
    }

    /// Applies a reply. `request` is the packet number, header and message of
    /// the request, and `context` what was kept of it.
    pub fn on_reply(
        &mut self,
        packet: &Packet<'_>,
        request: (u64, &RecordHeader, &Message),
        decoded: &Decoded<'_>,
        context: &RequestContext,
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
                self.report_refused_memory(message, context, &effects, found);
            }
            for effect in effects.drain(..) {
                self.apply_effect(effect, number, at, context, outcome, found);
            }
            self.spare_lists.push(effects);
        }
        if let (Some(reply), Some(body)) = (plan_of_reply, body) {
            self.report_over_budget(plan, reply, body, context, found);
        }
        let name = self.names.take_announced(number);
        if outcome.is_failure() {
            self.cancel_event(context, at, outcome);
            if let Some(process) = context
                .process
                .filter(|_| plan.creates(ObjectKind::Context))
            {
                self.sync.on_context_refused(process, message.name, found);
            }
            return;
        }
        let (Some(reply), Some(body)) = (plan_of_reply, body) else {
            return;
        };
        let asked_at = ChangeOrigin {
            packet: number,
            ..at
        };
        self.read_reply_roles(packet.number, asked_at, reply, body, context, found);
        for step in &reply.ranges {
            step.for_each(body, context.parameter, |change, first, bytes| {
                self.change_range(context, change, first, bytes);
            });
        }
        let step_context = StepContext {
            at,
            process: context.process,
            adapter: context.adapter,
            body,
            values: None,
        };
        let mut created = [None; 4];
        for (index, step) in reply.steps.iter().enumerate() {
            if step.effect != ObjectEffect::Creates
                || !context.condition_holds(step.effect_condition)
            {
                continue;
            }
            let quiet = message.resets != ResetScope::Nothing;
            let Some(first) =
                self.create_objects(&step_context, step, context, &created, quiet, found)
            else {
                // Handles were not captured, or there are too many objects.
                self.on_packet_loss();
                continue;
            };
            if let Some(place) = created.get_mut(index) {
                *place = first;
            }
        }
        self.begin_sync(&created, context, at);
        let new = created.iter().flatten().next().copied();
        if let (Some(name), Some(id)) = (name, new) {
            self.names.set(id, name);
        }
        if let (Some(event), Some(owner)) = (context.event, new)
            && self.objects.get(event).is_some_and(|event| event.repeats)
        {
            self.objects.set_owner(event, owner);
        }
    }

    /// What the objects that a reply created mean for fences and queues.
    fn begin_sync(
        &mut self,
        created: &[Option<ObjectId>; 4],
        context: &RequestContext,
        at: ChangeOrigin,
    ) {
        let is_shared = created.iter().flatten().any(|id| {
            let entity = self.objects.get(*id);
            entity.is_some_and(|entity| entity.kind == Some(ObjectKind::SyncObjectShare))
        });
        for id in created.iter().flatten() {
            let Some(entity) = self.objects.get_mut(*id) else {
                continue;
            };
            match entity.kind {
                Some(ObjectKind::SyncObject) => {
                    entity.shared = is_shared;
                    if context.parameter > 0 {
                        self.sync.begin_fence(*id, context.parameter, at.packet);
                    }
                }
                Some(ObjectKind::Context) => {
                    if let Some(process) = context.process {
                        self.sync.count_context(process);
                    }
                }
                _ => {}
            }
        }
    }

    /// Applies a host message.
    pub fn on_host_message(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        let body = decoded.body.as_ref();
        let form = self.plans.form_of(decoded);
        let (Some(form), Some(body)) = (form, body) else {
            return;
        };
        if body.shortfall.is_some() {
            // The driver ignores a message that is too short.
            return;
        }
        let at = origin(packet, packet.header);
        for step in &form.steps {
            if let (ObjectEffect::Destroys, Place::Fixed { at: place, .. }) =
                (step.effect, step.place)
                && let Some(number) = body.number(usize::from(place), step.size)
            {
                let offset = body.base + usize::from(place);
                self.on_event_signalled(number, step, at, offset, found);
            }
        }
        self.check_echoes(form, body, found);
    }

    /// Whether everything since the driver's start was captured.
    pub fn is_complete(&self) -> bool {
        self.complete_epoch == Some(self.objects.epoch)
    }

    /// Drops the pending effects of a request that will not be answered.
    #[cold]
    pub fn forget_request(&mut self, request: u64) {
        if let Some(mut effects) = self.deferred.remove(&request) {
            effects.clear();
            self.spare_lists.push(effects);
        }
        self.names.take_announced(request);
    }

    fn defer(&mut self, request: u64, effects: Vec<PendingEffect>) {
        if effects.is_empty() {
            self.spare_lists.push(effects);
            return;
        }
        if self.deferred.len() >= DEFERRED_MAX {
            // There are never this many outstanding requests: replies are
            // missing.
            self.deferred.clear();
            self.on_packet_loss();
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
