//! The outcome of requests: what a reply reports, and what the driver returns
//! for it.

use super::plan::{MessagePlans, Place, ReplyPlan};
use crate::check::{ErrorNumber, Finding, FindingKind, StatusCode};
use dxgtrace_protocol::decode::{Decoded, PendingRequest};
use dxgtrace_protocol::schema::values::{GuestResult, NamedStatus};
use dxgtrace_protocol::schema::{FailureImpact, Message, ObjectEffect};
use dxgtrace_protocol::table;

/// The outcome of a request, as its reply reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyOutcome {
    /// The request succeeded.
    Success,
    /// It failed with this status.
    Status(u32),
    /// It failed: the host returned the handle 0.
    NoHandle,
    /// The reply is too short: the driver treats the request as failed.
    Short {
        /// The host's status, if the reply carries one.
        status: Option<u32>,
    },
    /// The reply does not report success or failure.
    Unstated,
}

impl ReplyOutcome {
    /// Whether the driver treats the request as failed.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Status(_) | Self::NoHandle | Self::Short { .. })
    }
}

/// The errno (positive) that the driver returns for a failure status.
pub fn driver_errno(status: u32) -> u32 {
    const EINVAL: u32 = 22;
    match table::status(status).map(|status| status.result) {
        Some(GuestResult::Errno(errno)) => errno.unsigned_abs(),
        _ => EINVAL,
    }
}

/// Whether a status means that memory ran out: the driver maps it to ENOMEM, or
/// its name says so.
pub(super) fn is_no_memory(status: u32) -> bool {
    const ENOMEM: i32 = table::errno::negative("ENOMEM");
    table::status(status).is_some_and(|status| {
        matches!(status.result, GuestResult::Errno(ENOMEM))
            || status.name.contains("NO_VIDEO_MEMORY")
    })
}

/// The outcome that a reply reports for the request `pending`.
pub(super) fn reply_outcome(
    reply: &Decoded<'_>,
    pending: &PendingRequest,
    plans: &MessagePlans,
) -> ReplyOutcome {
    if let Some(short) = &reply.short_reply {
        return ReplyOutcome::Short {
            status: short.status,
        };
    }
    let Some(body) = &reply.body else {
        return ReplyOutcome::Unstated;
    };
    if !body.layout.is_read {
        return ReplyOutcome::Unstated;
    }
    if body.layout.status.is_some() {
        return match reply.status() {
            Some(status) if NamedStatus::is_success(status) => ReplyOutcome::Success,
            Some(status) => ReplyOutcome::Status(status),
            None => ReplyOutcome::Unstated,
        };
    }
    let plan = pending
        .message
        .and_then(|message| plans.plan(message))
        .and_then(|plan| plan.reply(body.layout));
    match plan.and_then(|plan| created_handle(reply, plan)) {
        Some(0) => ReplyOutcome::NoHandle,
        Some(_) => ReplyOutcome::Success,
        None => ReplyOutcome::Unstated,
    }
}

/// The lowest of the handles that the reply always creates; 0 means failure.
/// `None` if there is no such handle.
fn created_handle(reply: &Decoded<'_>, plan: &ReplyPlan) -> Option<u64> {
    let body = reply.body.as_ref()?;
    let mut least = None;
    for step in &plan.steps {
        if step.effect != ObjectEffect::Creates || step.effect_condition != 0 {
            continue;
        }
        let handle = match step.place {
            Place::Fixed { at, .. } => body.number(usize::from(at), step.size)?,
            Place::Tail { tail, member, .. } => {
                let tail = body.tail(usize::from(tail))?;
                if tail.count == 0 {
                    continue;
                }
                let bytes = tail.element(0).get(usize::from(member)..)?;
                u64::from(u32::from_le_bytes(*bytes.first_chunk()?))
            }
        };
        least = Some(least.map_or(handle, |least: u64| least.min(handle)));
    }
    least
}

/// Whether a status finds fault with a request's parameters: another request
/// with the same message says nothing of it.
pub(super) fn is_about_parameters(status: u32) -> bool {
    const EINVAL: i32 = table::errno::negative("EINVAL");
    table::status(status).is_some_and(|status| {
        matches!(status.result, GuestResult::Errno(EINVAL)) || status.name.contains("INVALID")
    })
}

/// Whether a reply that has neither status nor handle holds all that the layout
/// asks for: that is all by which its success can be told.
pub(super) fn is_whole(reply: &Decoded<'_>) -> bool {
    let body = reply.body.as_ref();
    body.is_some_and(|body| {
        body.layout.is_read && body.layout.status.is_none() && body.shortfall.is_none()
    })
}

/// Reports a failed request.
pub(super) fn report_failure(
    reply: &Decoded<'_>,
    message: Option<&'static Message>,
    outcome: ReplyOutcome,
    found: &mut impl FnMut(Finding),
) {
    let (message, impact) = message.map_or(("request", FailureImpact::Ordinary), |message| {
        (message.name, message.impact)
    });
    match outcome {
        ReplyOutcome::Status(status) => {
            let mapped = table::status(status)
                .is_some_and(|status| matches!(status.result, GuestResult::Errno(_)));
            let errno = ErrorNumber(driver_errno(status));
            let status = StatusCode(status);
            let kind = match impact {
                FailureImpact::Vital => FindingKind::StatusVital {
                    message,
                    status,
                    errno,
                },
                FailureImpact::Probe => FindingKind::StatusProbe {
                    message,
                    status,
                    errno,
                },
                FailureImpact::Ordinary if mapped => FindingKind::StatusFailed {
                    message,
                    status,
                    errno,
                },
                FailureImpact::Ordinary => FindingKind::StatusUnmapped {
                    message,
                    status,
                    errno,
                },
            };
            let at = reply.layout().and_then(|layout| layout.status);
            found(Finding::new(kind).at(usize::from(at.unwrap_or(0))));
        }
        ReplyOutcome::NoHandle => found(Finding::new(FindingKind::StatusByHandle { message })),
        // size.reply_short has been reported already.
        ReplyOutcome::Short { status } => {
            if let Some(status) = status.filter(|status| !NamedStatus::is_success(*status)) {
                let at = reply.short_reply.map_or(0, |short| short.status_at);
                let status = StatusCode(status);
                found(Finding::new(FindingKind::StatusBare { message, status }).at(at));
            }
        }
        ReplyOutcome::Success | ReplyOutcome::Unstated => {}
    }
}
