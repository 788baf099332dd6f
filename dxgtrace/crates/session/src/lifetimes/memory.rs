//! Memory: what is resident, over the budget, at which GPU addresses.

use super::{Lifetimes, PendingEffect, RequestContext};
use crate::check::{ByteCount, Finding, FindingKind};
use crate::plan::{MessagePlan, ReplyPlan};
use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::schema::{FieldRole, Message};

impl Lifetimes {
    /// Something happens to a range of GPU addresses.
    pub(super) fn range(
        &mut self,
        memo: &RequestContext,
        change: FieldRole,
        first: u64,
        bytes: u64,
    ) {
        let process = memo.process;
        if let Some(account) = process.and_then(|id| self.objects.account(id, memo.adapter)) {
            account.range(change, first, bytes);
        }
    }

    /// The host does not make resident what it was asked to: how much that is
    /// and how much there is already.
    pub(super) fn refused_memory(
        &mut self,
        message: &Message,
        memo: &RequestContext,
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
        let process = memo.process;
        let account = process.and_then(|id| self.objects.account(id, memo.adapter));
        let resident = account.map_or(0, |account| account.resident);
        found(Finding::new(FindingKind::MemoryRefused {
            message: message.name,
            refused: ByteCount(bytes),
            resident: ByteCount(resident),
        }));
    }

    /// A reply tells by how much the process is over its budget: worth saying
    /// of the request for more memory with which that begins.
    pub(super) fn over_budget(
        &mut self,
        plan: &MessagePlan,
        reply: &ReplyPlan,
        body: &LocatedBody<'_>,
        memo: &RequestContext,
        found: &mut impl FnMut(Finding),
    ) {
        let fact = reply
            .facts
            .iter()
            .find(|fact| fact.role == FieldRole::OverBudget);
        let Some((fact, bytes)) = fact.and_then(|fact| Some((fact, body.number_of(fact.field)?)))
        else {
            return;
        };
        let process = memo.process;
        let Some(account) = process.and_then(|id| self.objects.account(id, memo.adapter)) else {
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
            found(Finding::new(kind).at(body.base + usize::from(fact.field.at)));
        }
    }
}
