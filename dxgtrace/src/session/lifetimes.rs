//! What messages do to objects, as the description says: who creates, uses and
//! destroys what, and when that is against the rules.
//!
//! A verdict needs certainty: that the object was created in the capture, and
//! that since then no packet was lost that could have changed it. Everything
//! else is taken as it comes, as an object from before the capture.

use rustc_hash::FxHashMap;

use super::adapters::Adapters;
use super::names::{Name, Names};
use super::objects::{End, Entity, Id, Key, Moment, Objects};
use super::plan::{self, Candidate, Kinds, MAX_ASKED, Place, Plan, ReplyPlan, Step};
use super::status::Outcome;
use super::versions::{Declared, Versions};
use crate::capture::header::{Header, Known};
use crate::check::{Code, Finding};
use crate::decode::{Decoded, Frame, Located};
use crate::packet::Packet;
use crate::protocol::schema::{Life, Message, Mode, Object, Role, Starts, Subject};

/// Requests with effects to come that are remembered at most.
const DEFERRED_MAX: usize = 1 << 14;
/// Values remembered of each cookie.
const COOKIES_MAX: usize = 8;
/// Devices that a process left behind, remembered until their adapter is seen
/// to live on.
const LEFT_MAX: usize = 64;

/// What is remembered of a request for its reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memo {
    process: Option<Id>,
    adapter: Option<u8>,
    asked: [u32; MAX_ASKED],
    bits: u8,
    event: Option<Id>,
    declared: Declared,
}

impl Memo {
    fn has(&self, bit: u8) -> bool {
        bit == 0 || self.bits & (1 << (bit - 1)) != 0
    }
}

/// An effect that waits for the reply.
#[derive(Debug, Clone, Copy)]
enum Effect {
    Destroys(Id),
    Resident(Id),
    Evicted(Id),
}

/// A device that its process left behind.
#[derive(Debug, Clone, Copy)]
struct Left {
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
    pub names: Names,
    /// Whether messages that allow it go without a reply, if known.
    pub async_mode: Option<bool>,
    /// Effects by the number of their request, and lists to be used again.
    deferred: FxHashMap<u64, Vec<Effect>>,
    spare: Vec<Vec<Effect>>,
    /// The run of packets since the driver's start, if nothing is missing.
    complete: Option<u32>,
    cookies: Vec<Vec<u64>>,
    left: Vec<Left>,
    /// The process of the last request: requests of one process come in runs.
    last: Option<(u32, Id)>,
}

/// A packet as the steps see it.
struct Scene<'a, 'b> {
    at: Moment,
    process: Option<Id>,
    adapter: Option<u8>,
    body: &'b Located<'a>,
}

impl Lifetimes {
    /// Packets are missing: nothing that was known is certain any more.
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
    pub fn restarted(&mut self, packet: &Packet<'_>, starts: Starts) {
        let at = moment(packet, &packet.header);
        match starts {
            Starts::Driver => {
                self.objects.end_all(at);
                self.adapters = Adapters::default();
                self.versions = Versions::default();
                self.cookies.clear();
                self.left.clear();
                self.last = None;
            }
            Starts::Adapter | Starts::Nothing => {
                let Some(number) = self.adapters.on(packet.header.channel) else {
                    return;
                };
                let gone: Vec<Id> = self
                    .objects
                    .iter()
                    .filter(|(_, entity)| entity.adapter == Some(number))
                    .map(|(id, _)| id)
                    .collect();
                for id in gone {
                    self.objects.end(id, at, End::ChannelClosed);
                }
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
    ) -> Memo {
        let Some(frame) = &decoded.frame else {
            return Memo::default();
        };
        let at = moment(packet, &packet.header);
        let starts = decoded.message.map_or(Starts::Nothing, |m| m.starts);
        if starts == Starts::Driver && packet.header.transaction == 1 {
            self.complete = Some(self.objects.epoch);
        }
        let adapter = self.adapters.of(packet, frame);
        if frame.is_async() {
            self.async_mode = Some(true);
        }
        let process = self.process(packet, decoded, frame, at, found);
        let mut memo = Memo {
            process,
            adapter,
            ..Memo::default()
        };
        if let Some(adapter) = adapter
            && !self.left.is_empty()
        {
            self.tell_left(adapter, starts, found);
        }
        let plan = decoded.message.and_then(plan::plan);
        let (Some(plan), Some(body)) = (plan, &decoded.body) else {
            if decoded.message.is_none_or(|m| m.mode == Mode::NeverSent) {
                // It may have created or destroyed anything.
                self.gap();
            }
            let recorded = packet.header.interface_version;
            self.versions.framing(frame, recorded, decoded, found);
            return memo;
        };
        self.facts(packet, plan, body, &mut memo, found);
        let recorded = packet.header.interface_version;
        self.versions.framing(frame, recorded, decoded, found);
        for (place, at) in memo.asked.iter_mut().zip(&plan.asked) {
            *place = body.number(usize::from(*at), 4).unwrap_or(0) as u32;
        }
        for (bit, condition) in plan.conditions.iter().enumerate() {
            memo.bits |= u8::from(condition.holds(body)) << bit;
        }
        let mut effects = self.spare.pop().unwrap_or_default();
        let scene = Scene {
            at,
            process,
            adapter,
            body,
        };
        for step in &plan.steps {
            if step.when.is_some_and(|when| !when.holds(body)) || !memo.has(step.life_bit) {
                continue;
            }
            if !self.step(&scene, step, &mut memo, &mut effects, found)
                && step.life == Life::Destroys
            {
                // What it destroys was not captured.
                self.gap();
            }
        }
        if plan.message.subject == Subject::Destroyed
            && let Some(process) = process
        {
            if let Some(entity) = self.objects.get_mut(process) {
                entity.dying = true;
            }
            effects.push(Effect::Destroys(process));
        }
        self.defer(packet.number, effects);
        memo
    }

    /// Takes a reply to a request of which `memo` is remembered.
    pub fn reply(
        &mut self,
        packet: &Packet<'_>,
        request: (u64, &Header, &Message, u32),
        decoded: &Decoded<'_>,
        memo: &Memo,
        outcome: Outcome,
        found: &mut impl FnMut(Finding),
    ) {
        let (number, header, message, version) = request;
        let Some(plan) = plan::plan(message) else {
            return;
        };
        let at = moment(packet, header);
        if let Some(mut effects) = self.deferred.remove(&number) {
            for effect in effects.drain(..) {
                self.take_effect(effect, at, outcome, found);
            }
            self.spare.push(effects);
        }
        let name = self.names.expected(number);
        if outcome.is_failure() {
            self.unsignalled(memo, at, outcome);
            return;
        }
        let (Some(reply), Some(body)) = (plan.reply_at(version), &decoded.body) else {
            return;
        };
        self.answer_facts(reply, body, memo, found);
        let scene = Scene {
            at,
            process: memo.process,
            adapter: memo.adapter,
            body,
        };
        let mut created = [None; 4];
        for (index, step) in reply.steps.iter().enumerate() {
            if step.life != Life::Creates || !memo.has(step.life_bit) {
                continue;
            }
            let quiet = message.starts != Starts::Nothing;
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
        let plan = decoded.message.and_then(plan::plan);
        let (Some(plan), Some(body)) = (plan, &decoded.body) else {
            return;
        };
        if body.shortfall.is_some() {
            // The driver reads nothing of it.
            return;
        }
        let at = moment(packet, &packet.header);
        for step in &plan.steps {
            if let (Life::Destroys, Place::Fixed { at: place, .. }) = (step.life, step.place)
                && let Some(number) = body.number(usize::from(place), step.size)
            {
                let offset = body.base + usize::from(place);
                self.signalled(number, step, at, offset, found);
            }
        }
        for (field, cookie) in &plan.echoes {
            let Some(value) = body.get(field) else {
                continue;
            };
            let given = self.cookies.get(usize::from(*cookie));
            let known = given.is_some_and(|given| given.contains(&value));
            let full = given.is_some_and(|given| given.len() >= COOKIES_MAX);
            let told = given.is_some_and(|given| !given.is_empty()) || self.is_complete();
            if !known && !full && told {
                let finding = Finding::new(Code::PointerNotEchoed, field.name, value, 0);
                found(finding.at(body.base + usize::from(field.at)));
            }
        }
    }

    /// Whether everything since the driver's start was captured.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(self.objects.epoch)
    }

    /// A request that nobody will answer any more has no effect that is known.
    pub fn abandon(&mut self, request: u64) {
        if let Some(mut effects) = self.deferred.remove(&request) {
            effects.clear();
            self.spare.push(effects);
        }
        self.names.expected(request);
    }

    /// The process of a guest message. One that was not seen to begin is one
    /// from before the capture, if it can be.
    fn process(
        &mut self,
        packet: &Packet<'_>,
        decoded: &Decoded<'_>,
        frame: &Frame,
        at: Moment,
        found: &mut impl FnMut(Finding),
    ) -> Option<Id> {
        let subject = decoded.message.map(|message| message.subject);
        if frame.process == 0 || !matches!(subject, Some(Subject::Caller | Subject::Destroyed)) {
            return None;
        }
        if let Some((handle, id)) = self.last
            && handle == frame.process
            && let Some(process) = self.objects.get_mut(id)
        {
            process.used = packet.number;
            return Some(id);
        }
        let handle = u64::from(frame.process);
        let key = Key::vm(Object::Process, handle);
        let id = match self.objects.find(key) {
            Some(id) => id,
            None => {
                let offset = decoded.base + 8;
                let gone = self.objects.gone(key);
                let finding = match gone {
                    Some(gone) if gone.epoch == self.objects.epoch && gone.certain => Some(
                        Finding::new(Code::ObjectAfterDestroy, "process", handle, gone.at.packet),
                    ),
                    None if self.is_complete() => {
                        Some(Finding::new(Code::ObjectUnknown, "process", handle, 0))
                    }
                    _ => None,
                };
                if let Some(finding) = finding {
                    found(finding.at(offset));
                }
                let before = Moment::default();
                let entity = Entity::new(Some(Object::Process), handle, before, self.objects.epoch);
                let id = self.objects.add(entity, at)?;
                if let Some(name) = Name::of(&packet.header) {
                    self.names.set(id, name);
                }
                id
            }
        };
        if let Some(process) = self.objects.get_mut(id) {
            process.used = packet.number;
        }
        self.last = Some((frame.process, id));
        Some(id)
    }

    /// What a request says beside handles.
    fn facts(
        &mut self,
        packet: &Packet<'_>,
        plan: &Plan,
        body: &Located<'_>,
        memo: &mut Memo,
        found: &mut impl FnMut(Finding),
    ) {
        let mut name = None;
        for fact in &plan.facts {
            let at = usize::from(fact.field.at);
            let value = body.get(fact.field);
            match (fact.role, value) {
                (Role::Version, Some(value)) => memo.declared.version = value as u32,
                (Role::Compatible, Some(value)) => memo.declared.compatible = value as u32,
                (Role::Opener, Some(value)) => {
                    name.get_or_insert_with(Name::default).pid = value as u32;
                }
                (Role::Name, _) => {
                    let text = body.bytes(at, usize::from(fact.field.size()));
                    name.get_or_insert_with(Name::default).set_wide(text);
                }
                _ => {}
            }
        }
        if let Some(version) = plan.facts.iter().find(|fact| fact.role == Role::Version) {
            let offset = body.base + usize::from(version.field.at);
            self.versions.declare(memo.declared, offset, found);
            if let Some(adapter) = memo
                .adapter
                .and_then(|number| self.adapters.get_mut(number))
            {
                adapter.declared = Some(memo.declared.version);
            }
        }
        if let Some(name) = name {
            let name = Name::of(&packet.header).unwrap_or(name);
            self.names.expect(packet.number, name);
        }
        for (field, cookie) in &plan.cookies {
            let Some(value) = body.get(field) else {
                continue;
            };
            let place = usize::from(*cookie);
            if self.cookies.len() <= place {
                self.cookies.resize_with(place + 1, Vec::new);
            }
            if let Some(given) = self.cookies.get_mut(place)
                && !given.contains(&value)
                && given.len() < COOKIES_MAX
            {
                given.push(value);
            }
        }
    }

    /// What a reply says beside handles.
    fn answer_facts(
        &mut self,
        reply: &ReplyPlan,
        body: &Located<'_>,
        memo: &Memo,
        found: &mut impl FnMut(Finding),
    ) {
        let mut theirs = Declared::default();
        let mut at = None;
        for fact in &reply.facts {
            let place = usize::from(fact.field.at);
            let value = body.get(fact.field);
            match (fact.role, value) {
                (Role::Version, Some(value)) => {
                    theirs.version = value as u32;
                    at = Some(body.base + place);
                }
                (Role::Compatible, Some(value)) => theirs.compatible = value as u32,
                (Role::AsyncMode, Some(value)) => self.async_mode = Some(value != 0),
                (Role::VgpuLuid, Some(luid)) => {
                    if let Some(adapter) = memo.adapter {
                        self.adapters.call(adapter, luid);
                    }
                }
                (Role::Name, _) => {
                    let text = body.bytes(place, usize::from(fact.field.size()));
                    let adapter = memo
                        .adapter
                        .and_then(|number| self.adapters.get_mut(number));
                    if let Some(adapter) = adapter {
                        adapter.set_name(text);
                    }
                }
                _ => {}
            }
        }
        if let Some(at) = at {
            Versions::answer(memo.declared, theirs, at, found);
        }
    }

    /// Does what a step of a request says for each of its handles. `false` if
    /// some of them were not captured.
    fn step(
        &mut self,
        scene: &Scene<'_, '_>,
        step: &Step,
        memo: &mut Memo,
        effects: &mut Vec<Effect>,
        found: &mut impl FnMut(Finding),
    ) -> bool {
        handles(scene.body, step, |handle, _, offset, index| {
            if handle == 0 {
                return;
            }
            if step.life == Life::Creates {
                memo.event = self.begin_event(scene, step, handle);
                return;
            }
            let place = |finding: Finding| finding.at(offset).element(index);
            let used = self.used(scene, step, handle, &mut |finding| found(place(finding)));
            let Some(id) = used else { return };
            match (step.life, step.role) {
                (Life::Destroys, _) => {
                    if let Some(entity) = self.objects.get_mut(id) {
                        entity.dying = true;
                    }
                    effects.push(Effect::Destroys(id));
                }
                (_, Role::Resident) => effects.push(Effect::Resident(id)),
                (_, Role::Evicted) => effects.push(Effect::Evicted(id)),
                _ => {}
            }
        })
    }

    /// The object that a handle names, which must exist.
    fn used(
        &mut self,
        scene: &Scene<'_, '_>,
        step: &Step,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<Id> {
        let number = scene.at.packet;
        for kind in step.kinds.vm_wide() {
            if let Some(id) = self.objects.find(Key::vm(kind, handle)) {
                self.mark(id, number);
                return Some(id);
            }
        }
        if !step.kinds.has_process_wide() {
            return self.unknown_in_vm(scene, step, handle, found);
        }
        let process = scene.process?;
        let epoch = self.objects.epoch;
        if let Some(id) = self.objects.find(Key::of(process, handle)) {
            self.mark(id, number);
            let entity = *self.objects.get(id)?;
            match entity.kind {
                None => {
                    if let Some(kind) = step.kinds.single() {
                        self.objects.learn(id, kind);
                    }
                }
                Some(kind) if !step.kinds.has(kind) => {
                    let sure = entity.epoch == epoch
                        && !entity.is_from_before()
                        && !entity.dying
                        && !entity.doubtful;
                    if sure {
                        let created = entity.created.packet;
                        let code = match step.life {
                            Life::Mentions => Code::ObjectHint,
                            _ => Code::ObjectWrongKind,
                        };
                        found(Finding::new(code, step.name, handle, created));
                    }
                    return None;
                }
                Some(_) => {}
            }
            return Some(id);
        }
        let mixed = step.kinds.vm_wide().next().is_some();
        let owner = self.objects.get(process)?;
        let sure =
            owner.epoch == epoch && !owner.is_from_before() && (!mixed || self.is_complete());
        let code = match self.objects.gone(Key::of(process, handle)) {
            Some(gone) if gone.epoch == epoch && gone.certain => {
                let code = match step.life {
                    Life::Destroys => Code::ObjectDestroyedTwice,
                    _ => Code::ObjectAfterDestroy,
                };
                Some((code, gone.at.packet))
            }
            Some(_) => None,
            None if sure => Some(match self.elsewhere(process, step.kinds, handle) {
                Some(owner) => (Code::ObjectForeign, owner),
                None => (Code::ObjectUnknown, 0),
            }),
            None => None,
        };
        if let Some((code, b)) = code {
            let code = match step.life {
                Life::Mentions => Code::ObjectHint,
                _ => code,
            };
            found(Finding::new(code, step.name, handle, b));
            return None;
        }
        self.from_before(scene, step.kinds.single(), handle)
    }

    /// A handle of the whole virtual machine that nothing is known of.
    fn unknown_in_vm(
        &mut self,
        scene: &Scene<'_, '_>,
        step: &Step,
        handle: u64,
        found: &mut impl FnMut(Finding),
    ) -> Option<Id> {
        let kind = step.kinds.single()?;
        if plan::is_announced(kind) {
            let epoch = self.objects.epoch;
            let gone = self.objects.gone(Key::vm(kind, handle));
            let code = match gone {
                Some(gone) if gone.epoch == epoch && gone.certain => {
                    let code = match step.life {
                        Life::Destroys => Code::ObjectDestroyedTwice,
                        _ => Code::ObjectAfterDestroy,
                    };
                    Some((code, gone.at.packet))
                }
                None if self.is_complete() => Some((Code::ObjectUnknown, 0)),
                _ => None,
            };
            if let Some((code, b)) = code {
                found(Finding::new(code, step.name, handle, b));
                return None;
            }
        }
        let id = self.from_before(scene, Some(kind), handle)?;
        if kind == Object::Adapter
            && let Some(adapter) = scene
                .adapter
                .and_then(|number| self.adapters.get_mut(number))
        {
            adapter.object.get_or_insert(id);
        }
        Some(id)
    }

    /// Adds an object that was there before, or whose creation is missing.
    fn from_before(
        &mut self,
        scene: &Scene<'_, '_>,
        kind: Option<Object>,
        handle: u64,
    ) -> Option<Id> {
        let mut entity = Entity::new(kind, handle, Moment::default(), self.objects.epoch);
        if kind.is_none_or(|kind| !kind.is_vm_wide()) {
            entity.process = scene.process;
        }
        entity.adapter = scene.adapter;
        entity.used = scene.at.packet;
        let id = self.objects.add(entity, scene.at);
        if id.is_none() {
            self.gap();
        }
        id
    }

    /// The handle of another process in which a handle means such an object.
    fn elsewhere(&self, process: Id, kinds: Kinds, handle: u64) -> Option<u64> {
        self.objects
            .iter()
            .find(|(_, entity)| {
                entity.handle == handle
                    && entity.process.is_some_and(|other| other != process)
                    && entity.kind.is_some_and(|kind| kinds.has(kind))
            })
            .map(|(_, entity)| entity.process_handle)
    }

    fn mark(&mut self, id: Id, number: u64) {
        if let Some(entity) = self.objects.get_mut(id) {
            entity.used = number;
        }
    }

    /// Creates the objects of a reply's step, and gives the first. `None` if
    /// some of them were not captured or there is no room.
    fn create(
        &mut self,
        scene: &Scene<'_, '_>,
        step: &Step,
        memo: &Memo,
        created: &[Option<Id>; 4],
        quiet: bool,
        found: &mut impl FnMut(Finding),
    ) -> Option<Option<Id>> {
        let kind = step.kinds.single()?;
        let mut first = None;
        let mut room = true;
        let owner = match memo.has(step.owner_bit) {
            true => step.owners.iter().find_map(|candidate| match candidate {
                Candidate::Created(index) => created.get(usize::from(*index)).copied().flatten(),
                Candidate::Asked(slot) => {
                    let handle = u64::from(*memo.asked.get(usize::from(*slot))?);
                    let process = scene.process?;
                    self.objects
                        .find(Key::of(process, handle))
                        .filter(|_| handle != 0)
                }
            }),
            false => None,
        };
        let whole = handles(scene.body, step, |handle, bytes, offset, index| {
            if handle == 0 {
                return;
            }
            let mut entity = Entity::new(Some(kind), handle, scene.at, self.objects.epoch);
            if !kind.is_vm_wide() {
                if scene.process.is_none() {
                    return;
                }
                entity.process = scene.process;
            }
            entity.owner = owner;
            entity.adapter = scene
                .adapter
                .or_else(|| self.objects.get(owner?).and_then(|owner| owner.adapter));
            entity.loose = step.owner.loose;
            entity.settled = step.owner.settled;
            entity.bytes = bytes;
            if let Some(before) = self.in_use(&entity).filter(|_| !quiet) {
                let finding = Finding::new(Code::ObjectInUse, step.name, handle, before);
                found(finding.at(offset).element(index));
            }
            let Some(id) = self.objects.add(entity, scene.at) else {
                room = false;
                return;
            };
            first.get_or_insert(id);
            if let Some(process) = scene.process.filter(|_| bytes > 0)
                && let Some(process) = self.objects.get_mut(process)
            {
                process.bytes = process.bytes.saturating_add(bytes);
            }
            if kind == Object::Adapter
                && let Some(adapter) = scene.adapter.and_then(|at| self.adapters.get_mut(at))
            {
                adapter.object = Some(id);
            }
        });
        (whole && room).then_some(first)
    }

    /// The packet that created what surely still has the handle of `new`.
    fn in_use(&self, new: &Entity) -> Option<u64> {
        let old = self.objects.get(self.objects.find(Objects::key(new))?)?;
        // What lives on another adapter may have gone with it unseen.
        let apart = old.adapter.is_some() && new.adapter.is_some() && old.adapter != new.adapter;
        let sure = old.epoch == self.objects.epoch
            && !old.is_from_before()
            && !old.dying
            && !old.doubtful
            && !apart;
        sure.then_some(old.created.packet)
    }

    fn take_effect(
        &mut self,
        effect: Effect,
        at: Moment,
        outcome: Outcome,
        found: &mut impl FnMut(Finding),
    ) {
        match effect {
            Effect::Destroys(id) if outcome.is_failure() => {
                if let Some(entity) = self.objects.get_mut(id) {
                    entity.dying = false;
                    entity.doubtful = true;
                }
            }
            Effect::Destroys(id) => self.destroy(id, at, found),
            Effect::Resident(id) if !outcome.is_failure() => self.reside(id, true),
            Effect::Evicted(id) if !outcome.is_failure() => self.reside(id, false),
            Effect::Resident(_) | Effect::Evicted(_) => {}
        }
    }

    fn destroy(&mut self, id: Id, at: Moment, found: &mut impl FnMut(Finding)) {
        let epoch = self.objects.epoch;
        let (left, names) = (&mut self.left, &mut self.names);
        if self.last.is_some_and(|(_, last)| last == id) {
            self.last = None;
        }
        names.forget(id);
        self.objects
            .end_with(id, at, End::Destroyed, &mut |gone, owner| {
                let entity = &gone.entity;
                let Some((Some(kind), how)) = owner else {
                    return;
                };
                let sure = gone.certain
                    && entity.epoch == epoch
                    && !entity.is_from_before()
                    && !entity.doubtful
                    && !entity.dying;
                if !sure || how != End::Destroyed || !entity.settled.contains(&kind) {
                    return;
                }
                match entity.adapter {
                    // A device outlives its process if its adapter went away: wait
                    // until that is seen to be alive.
                    Some(adapter) if kind == Object::Process => {
                        if left.len() < LEFT_MAX {
                            left.push(Left {
                                adapter,
                                handle: entity.handle,
                                ended: at.packet,
                            });
                        }
                    }
                    _ => {
                        let part = entity.kind.map_or("object", Object::name);
                        let created = entity.created.packet;
                        found(Finding::new(
                            Code::ObjectLeftToDevice,
                            part,
                            entity.handle,
                            created,
                        ));
                    }
                }
            });
    }

    /// The adapter lives on: what processes left behind on it is leaked.
    fn tell_left(&mut self, adapter: u8, starts: Starts, found: &mut impl FnMut(Finding)) {
        self.left.retain(|left| {
            if left.adapter != adapter {
                return true;
            }
            if starts == Starts::Nothing {
                found(Finding::new(
                    Code::ObjectLeaked,
                    "device",
                    left.handle,
                    left.ended,
                ));
            }
            false
        });
    }

    fn reside(&mut self, id: Id, more: bool) {
        let Some(entity) = self.objects.get_mut(id) else {
            return;
        };
        let before = entity.resident;
        entity.resident = match more {
            true => before.saturating_add(1),
            false => before.saturating_sub(1),
        };
        let (bytes, process) = (entity.bytes, entity.process);
        let Some(process) = process.and_then(|id| self.objects.get_mut(id)) else {
            return;
        };
        match (before, more) {
            (0, true) => process.resident = process.resident.saturating_add(bytes),
            (1, false) => process.resident = process.resident.saturating_sub(bytes),
            _ => {}
        }
    }

    /// A request announces an event that the host will signal.
    fn begin_event(&mut self, scene: &Scene<'_, '_>, step: &Step, number: u64) -> Option<Id> {
        let kind = step.kinds.single()?;
        let mut entity = Entity::new(Some(kind), number, scene.at, self.objects.epoch);
        entity.owner = scene.process;
        entity.process_handle = scene
            .process
            .and_then(|process| self.objects.get(process))
            .map_or(0, |process| process.handle);
        entity.adapter = scene.adapter;
        entity.lasting = step.owner.lasting;
        let id = self.objects.add(entity, scene.at);
        if id.is_none() {
            self.gap();
        }
        id
    }

    /// The request that announced an event failed: it is signalled no more.
    fn unsignalled(&mut self, memo: &Memo, at: Moment, outcome: Outcome) {
        let Some(event) = memo.event else { return };
        // After a short answer the driver forgets the event; what the host
        // does is not known.
        let end = match outcome {
            Outcome::Short => End::Replaced,
            _ => End::Destroyed,
        };
        self.objects.end(event, at, end);
    }

    /// The host signals an event.
    fn signalled(
        &mut self,
        number: u64,
        step: &Step,
        at: Moment,
        offset: usize,
        found: &mut impl FnMut(Finding),
    ) {
        let key = Key::vm(Object::GuestEvent, number);
        if let Some(id) = self.objects.find(key) {
            let lasting = self.objects.get(id).is_some_and(|event| event.lasting);
            if lasting {
                self.mark(id, at.packet);
            } else {
                self.objects.end(id, at, End::Destroyed);
            }
            return;
        }
        let ended = match self.objects.gone(key) {
            Some(gone) if gone.certain && gone.epoch == self.objects.epoch => gone.at.packet,
            None if self.is_complete() => 0,
            _ => return,
        };
        found(Finding::new(Code::EventStale, step.name, number, ended).at(offset));
    }

    fn defer(&mut self, request: u64, effects: Vec<Effect>) {
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

/// Calls `take` with each handle of a step: the handle, the bytes of the
/// object that its element tells, its offset in the payload, its index in the
/// array. `false` if some were not captured.
fn handles(
    body: &Located<'_>,
    step: &Step,
    mut take: impl FnMut(u64, u64, usize, Option<usize>),
) -> bool {
    match step.place {
        Place::Fixed { at, count, used } => {
            let used = used.map_or(u64::from(count), |used| {
                let used = body.number(usize::from(used), 4).unwrap_or(0);
                used.min(u64::from(count))
            });
            let at = usize::from(at);
            if at + usize::from(step.size) > body.length {
                // Not cut off but not sent: there is nothing to follow.
                return true;
            }
            for index in 0..used as usize {
                let at = at + index * usize::from(step.size);
                let Some(handle) = body.number(at, step.size) else {
                    return false;
                };
                take(handle, 0, body.base + at, (count > 1).then_some(index));
            }
            true
        }
        Place::Tail {
            tail,
            stride,
            member,
        } => {
            let Some(tail) = body.tail(usize::from(tail)) else {
                return true;
            };
            let (stride, member) = (usize::from(stride).max(1), usize::from(member));
            let mut seen = 0;
            for (index, element) in tail.bytes.chunks_exact(stride).take(tail.count).enumerate() {
                let handle = element.get(member..).and_then(<[u8]>::first_chunk);
                let Some(handle) = handle.map(|bytes| u32::from_le_bytes(*bytes)) else {
                    return false;
                };
                let bytes = step
                    .bytes_at
                    .and_then(|at| element.get(usize::from(at)..)?.first_chunk())
                    .map_or(0, |bytes| u64::from_le_bytes(*bytes));
                let at = tail.at + index * stride + member;
                take(u64::from(handle), bytes, at, Some(index));
                seen += 1;
            }
            seen == tail.count
        }
    }
}

fn moment(packet: &Packet<'_>, header: &Header) -> Moment {
    let known = header.known.has(Known::TASK);
    Moment {
        packet: packet.number,
        time: packet.time,
        pid: if known { header.pid } else { 0 },
        tid: if known { header.tid } else { 0 },
    }
}
