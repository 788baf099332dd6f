//! Fields of messages that are not handles: versions, modes, names, and values
//! that the host must repeat.

use super::{COOKIES_MAX, Lifetimes, RequestContext};
use crate::check::{FieldBits, Finding, FindingKind};
use crate::names::ProcessName;
use crate::objects::ChangeOrigin;
use crate::plan::{ReplyPlan, RequestPlan, RoleField};
use crate::versions::{DeclaredVersion, Versions};
use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::schema::FieldRole;

impl Lifetimes {
    /// Reads the role fields and cookies of a request.
    pub(super) fn read_request_roles(
        &mut self,
        packet: &Packet<'_>,
        plan: &RequestPlan,
        body: &LocatedBody<'_>,
        context: &mut RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let mut name = None;
        for role_field in &plan.role_fields {
            let at = usize::from(role_field.field.at);
            let value = body.number_of(role_field.field);
            match (role_field.role, value) {
                (FieldRole::Version, Some(value)) => context.declared.version = value as u32,
                (FieldRole::Compatible, Some(value)) => context.declared.compatible = value as u32,
                (FieldRole::Progress, value) => self.sync_request.progress = value,
                (FieldRole::FenceValue, value) => self.sync_request.value = value,
                (FieldRole::FirstFenceValue, Some(value)) if applies(role_field, body) => {
                    context.parameter = value;
                }
                (FieldRole::Opener, Some(value)) => {
                    name.get_or_insert_with(ProcessName::default).pid = value as u32;
                }
                (FieldRole::Name, _) => {
                    let text = body.bytes(at, usize::from(role_field.field.size()));
                    name.get_or_insert_with(ProcessName::default).set_wide(text);
                }
                _ => {}
            }
        }
        if let Some(version) = plan
            .role_fields
            .iter()
            .find(|role_field| role_field.role == FieldRole::Version)
        {
            let offset = body.base + usize::from(version.field.at);
            self.versions
                .on_driver_version(context.declared, offset, found);
            if let Some(adapter) = context
                .adapter
                .and_then(|number| self.adapters.get_mut(number))
            {
                adapter.declared = Some(context.declared.version);
            }
        }
        if let Some(name) = name {
            let name = ProcessName::from_header(packet.header).unwrap_or(name);
            self.names.announce(packet.number, name);
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

    /// Reads the role fields of a reply.
    pub(super) fn read_reply_roles(
        &mut self,
        packet: u64,
        asked_at: ChangeOrigin,
        reply: &ReplyPlan,
        body: &LocatedBody<'_>,
        context: &RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let mut host_versions = DeclaredVersion::default();
        let mut at = None;
        for role_field in &reply.role_fields {
            let place = usize::from(role_field.field.at);
            let value = body.number_of(role_field.field);
            match (role_field.role, value) {
                (FieldRole::Version, Some(value)) => {
                    host_versions.version = value as u32;
                    at = Some(body.base + place);
                }
                (FieldRole::Compatible, Some(value)) => host_versions.compatible = value as u32,
                (FieldRole::Progress, Some(value)) => {
                    if let Some(queue) = context.queue {
                        self.sync.on_progress(queue, value, &self.objects, asked_at);
                    }
                }
                (FieldRole::AsyncMode, Some(value)) => self.async_mode = Some(value != 0),
                (FieldRole::VgpuLuid, Some(luid)) => {
                    if let Some(adapter) = context.adapter {
                        self.adapters.add_luid(adapter, luid);
                    }
                }
                (role @ (FieldRole::Budget | FieldRole::InUse), Some(bytes)) => {
                    let process = context.process;
                    let account = process.and_then(|id| self.objects.account(id, context.adapter));
                    if let Some(account) = account {
                        account.set_budget(context.parameter, packet, role, bytes);
                    }
                }
                (FieldRole::Name, _) => {
                    let text = body.bytes(place, usize::from(role_field.field.size()));
                    let adapter = context
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
            Versions::check_host_version(context.declared, host_versions, at, found);
        }
    }

    /// Reports the fields of a host message that do not repeat a value of the
    /// guest.
    pub(super) fn check_echoes(
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

/// Whether the condition of a role field holds.
fn applies(role_field: &RoleField, body: &LocatedBody<'_>) -> bool {
    role_field.field.when.is_none_or(|when| body.holds(&when))
}
