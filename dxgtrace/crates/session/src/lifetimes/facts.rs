//! What messages say beside handles: versions, modes, names, numbers to be
//! repeated.

use super::{COOKIES_MAX, Lifetimes, RequestContext};
use crate::check::{FieldBits, Finding, FindingKind};
use crate::names::ProcessName;
use crate::objects::HandleKey;
use crate::plan::{Place, ReplyPlan, RequestPlan};
use crate::versions::{DeclaredVersion, Versions};
use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::{FieldRole, ObjectEffect, ObjectKind};

impl Lifetimes {
    /// What a request says beside handles.
    pub(super) fn facts(
        &mut self,
        packet: &Packet<'_>,
        plan: &RequestPlan,
        body: &LocatedBody<'_>,
        memo: &mut RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let mut name = None;
        for fact in &plan.facts {
            let at = usize::from(fact.field.at);
            let value = body.number_of(fact.field);
            match (fact.role, value) {
                (FieldRole::Version, Some(value)) => memo.declared.version = value as u32,
                (FieldRole::Compatible, Some(value)) => memo.declared.compatible = value as u32,
                (FieldRole::Progress, Some(value)) => {
                    self.progress(plan, body, memo, packet, value)
                }
                (FieldRole::Opener, Some(value)) => {
                    name.get_or_insert_with(ProcessName::default).pid = value as u32;
                }
                (FieldRole::Name, _) => {
                    let text = body.bytes(at, usize::from(fact.field.size()));
                    name.get_or_insert_with(ProcessName::default).set_wide(text);
                }
                _ => {}
            }
        }
        if let Some(version) = plan
            .facts
            .iter()
            .find(|fact| fact.role == FieldRole::Version)
        {
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
            let name = ProcessName::of(packet.header).unwrap_or(name);
            self.names.expect(packet.number, name);
        }
        for (field, cookie) in &plan.cookies {
            let Some(value) = body.number_of(field) else {
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

    /// The fence of the queue that a request names will reach a value.
    fn progress(
        &mut self,
        plan: &RequestPlan,
        body: &LocatedBody<'_>,
        memo: &RequestContext,
        packet: &Packet<'_>,
        value: u64,
    ) {
        let queue = plan
            .steps
            .iter()
            .find(|step| step.life == ObjectEffect::Uses);
        let handle = queue.and_then(|step| match step.place {
            Place::Fixed { at, .. } => body.number(usize::from(at), step.size),
            Place::Tail { .. } => None,
        });
        let (Some(process), Some(handle)) = (memo.process, handle) else {
            return;
        };
        let queue = self.objects.find(HandleKey::of(process, handle));
        let fence = queue.and_then(|queue| self.objects.child(queue, ObjectKind::SyncObject));
        if let Some(fence) = fence {
            self.waits.signal(fence, value, packet.number);
        }
    }

    /// What a reply says beside handles.
    pub(super) fn answer_facts(
        &mut self,
        packet: u64,
        reply: &ReplyPlan,
        body: &LocatedBody<'_>,
        memo: &RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let mut theirs = DeclaredVersion::default();
        let mut at = None;
        for fact in &reply.facts {
            let place = usize::from(fact.field.at);
            let value = body.number_of(fact.field);
            match (fact.role, value) {
                (FieldRole::Version, Some(value)) => {
                    theirs.version = value as u32;
                    at = Some(body.base + place);
                }
                (FieldRole::Compatible, Some(value)) => theirs.compatible = value as u32,
                (FieldRole::AsyncMode, Some(value)) => self.async_mode = Some(value != 0),
                (FieldRole::VgpuLuid, Some(luid)) => {
                    if let Some(adapter) = memo.adapter {
                        self.adapters.call(adapter, luid);
                    }
                }
                (role @ (FieldRole::Budget | FieldRole::InUse), Some(bytes)) => {
                    let process = memo.process;
                    let account = process.and_then(|id| self.objects.account(id, memo.adapter));
                    if let Some(account) = account {
                        account.told(memo.number, packet, role, bytes);
                    }
                }
                (FieldRole::Name, _) => {
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

    /// What an event must repeat of what the guest announced.
    pub(super) fn echoes(
        &self,
        plan: &RequestPlan,
        body: &LocatedBody<'_>,
        found: &mut impl FnMut(Finding),
    ) {
        for (field, cookie) in &plan.echoes {
            let Some(value) = body.number_of(field) else {
                continue;
            };
            let given = self.cookies.get(usize::from(*cookie));
            let known = given.is_some_and(|given| given.contains(&value));
            let full = given.is_some_and(|given| given.len() >= COOKIES_MAX);
            let told = given.is_some_and(|given| !given.is_empty()) || self.is_complete();
            if !known && !full && told {
                let kind = FindingKind::PointerNotEchoed {
                    field: field.name,
                    pointer: FieldBits(value),
                };
                found(Finding::new(kind).at(body.base + usize::from(field.at)));
            }
        }
    }
}
