//! Memory: what is resident, over the budget, at which GPU addresses.

use super::{Effect, Lifetimes, Memo};
use crate::check::{Code, Finding};
use crate::plan::{Plan, ReplyPlan};
use dxgtrace_protocol::decode::Located;
use dxgtrace_protocol::schema::{Message, Role};

impl Lifetimes {
    /// Something happens to a range of GPU addresses.
    pub(super) fn range(&mut self, memo: &Memo, change: Role, first: u64, bytes: u64) {
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
        memo: &Memo,
        effects: &[Effect],
        found: &mut impl FnMut(Finding),
    ) {
        let new = |effect: &Effect| match effect {
            Effect::Resident(id) => self.objects.get(*id).filter(|one| one.resident == 0),
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
        found(Finding::new(
            Code::MemoryRefused,
            message.name,
            bytes,
            resident,
        ));
    }

    /// A reply tells by how much the process is over its budget: worth saying
    /// of the request for more memory with which that begins.
    pub(super) fn over_budget(
        &mut self,
        plan: &Plan,
        reply: &ReplyPlan,
        body: &Located<'_>,
        memo: &Memo,
        found: &mut impl FnMut(Finding),
    ) {
        let fact = reply
            .facts
            .iter()
            .find(|fact| fact.role == Role::OverBudget);
        let Some((fact, bytes)) = fact.and_then(|fact| Some((fact, body.get(fact.field)?))) else {
            return;
        };
        let process = memo.process;
        let Some(account) = process.and_then(|id| self.objects.account(id, memo.adapter)) else {
            return;
        };
        let before = std::mem::replace(&mut account.over_budget, bytes);
        let wanted_more = plan.steps.iter().any(|step| step.role == Role::Resident);
        if before == 0 && bytes > 0 && wanted_more {
            let finding = Finding::new(
                Code::MemoryOverBudget,
                plan.message.name,
                bytes,
                account.resident,
            );
            found(finding.at(body.base + usize::from(fact.field.at)));
        }
    }
}
