//! Memory: residency, budgets and GPU address ranges.

use super::{Lifetimes, PendingEffect, RequestContext};
use crate::check::{ByteCount, Finding, FindingKind};
use crate::plan::{MessagePlan, ReplyPlan};
use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::schema::{FieldRole, Message};

impl Lifetimes {
    /// Applies `change` to a GPU address range of the requesting process.
    pub(super) fn change_range(
        &mut self,
        context: &RequestContext,
        change: FieldRole,
        first: u64,
        bytes: u64,
    ) {
        let process = context.process;
        if let Some(account) = process.and_then(|id| self.objects.account(id, context.adapter)) {
            account.change_range(change, first, bytes);
        }
    }

    /// Reports the bytes that the host refused to make resident, and the bytes
    /// that are resident already.
    pub(super) fn report_refused_memory(
        &mut self,
        message: &Message,
        context: &RequestContext,
        effects: &[PendingEffect],
        found: &mut impl FnMut(Finding),
    ) {
        let new = |effect: &PendingEffect| match effect {
            PendingEffect::Resident(id) => self.objects.get(*id).filter(|one| one.resident == 0),
            _ => None,
        };
        let bytes = effects.iter().filter_map(new).map(|one| one.bytes);
        let bytes = bytes.fold(0, u64::saturating_add);
        if bytes == 0 {
            return;
        }
        let process = context.process;
        let account = process.and_then(|id| self.objects.account(id, context.adapter));
        let resident = account.map_or(0, |account| account.resident);
        found(Finding::new(FindingKind::MemoryRefused {
            message: message.name,
            refused: ByteCount(bytes),
            resident: ByteCount(resident),
        }));
    }

    /// Records the bytes by which a process is over its budget. Reports the
    /// request for more memory that took it over the budget.
    pub(super) fn report_over_budget(
        &mut self,
        plan: &MessagePlan,
        reply: &ReplyPlan,
        body: &LocatedBody<'_>,
        context: &RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let role_field = reply
            .role_fields
            .iter()
            .find(|role_field| role_field.role == FieldRole::OverBudget);
        let Some((role_field, bytes)) =
            role_field.and_then(|role_field| Some((role_field, body.number_of(role_field.field)?)))
        else {
            return;
        };
        let process = context.process;
        let Some(account) = process.and_then(|id| self.objects.account(id, context.adapter)) else {
            return;
        };
        let before = std::mem::replace(&mut account.over_budget, bytes);
        let mut steps = plan.requests.iter().flat_map(|form| &form.steps);
        let wanted_more = steps.any(|step| step.role == FieldRole::Resident);
        if before == 0 && bytes > 0 && wanted_more {
            let kind = FindingKind::MemoryOverBudget {
                message: plan.message.name,
                over: ByteCount(bytes),
                resident: ByteCount(account.resident),
            };
            found(Finding::new(kind).at(body.base + usize::from(role_field.field.at)));
        }
    }
}
