//! Explains NTSTATUS values.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::answer::{Answer, AnswerKind};
use super::errno;
use super::number::NumberReading;
use dxgtrace_protocol::schema::values::{GuestResult, NamedStatus};
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_session::check::Layer;

/// Why the host returns a status, and what to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusAdvice {
    /// The cause.
    pub cause: String,
    /// What to do next.
    pub next: String,
}

/// The advice for every named status, by name.
pub static ADVICE: LazyLock<BTreeMap<String, StatusAdvice>> =
    LazyLock::new(|| toml::from_str(include_str!("../../data/statuses.toml")).unwrap_or_default());

/// Bits 30 and 31: 3 is an error.
const SEVERITIES: [&str; 4] = ["success", "information", "warning", "error"];

/// Explains the status with this name, with or without `STATUS_`.
pub(super) fn by_name(name: &str) -> Option<Answer> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("STATUS_").unwrap_or(&upper);
    STATUSES
        .iter()
        .find(|status| status.name.strip_prefix("STATUS_") == Some(bare))
        .map(answer)
}

/// Explains the named status with this number.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    table::status(number.u32()?).map(answer)
}

/// Explains the bit fields of a status without a name.
pub(super) fn by_unnamed_number(number: NumberReading) -> Option<Answer> {
    let value = number.u32()?;
    let whole = value.checked_shr(30).unwrap_or(0);
    let request = number.hex && value >> 8 & 0xFF == 0x47;
    let is_hresult = value >> 28 == 0xd;
    if whole < 2
        || request
        || is_hresult
        || number.errno().is_some()
        || !(number.hex || number.negative)
    {
        return None;
    }
    let severity = SEVERITIES.get(whole as usize).copied().unwrap_or("");
    let (facility, code) = (value >> 16 & 0xFFF, value & 0xFFFF);
    let domain = if facility == 30 { " (graphics)" } else { "" };
    Some(
        Answer::new(
            AnswerKind::Status,
            format!("{value:#010x}"),
            format!("An unnamed status: {severity}, facility {facility}{domain}, code {code:#x}."),
        )
        .with_cause(
            Some(Layer::Host),
            "The host failed in a way that the driver has no errno for.",
        )
        .with_next("Look the number up in Microsoft's list MS-ERREF, section 2.3.")
        .with_detail("guest", driver_result(GuestResult::Unmapped)),
    )
}

fn answer(status: &NamedStatus) -> Answer {
    let layer = (!NamedStatus::is_success(status.value)).then_some(Layer::Host);
    let mut answer = Answer::new(
        AnswerKind::Status,
        format!("{:#010x} {}", status.value, status.name),
        status.doc,
    );
    if let Some(advice) = ADVICE.get(status.name) {
        answer = answer
            .with_cause(layer, &*advice.cause)
            .with_next(&*advice.next);
    }
    let alike: Vec<&str> = STATUSES
        .iter()
        .filter(|other| {
            other.value != status.value
                && errno::errno_of(other.result) == errno::errno_of(status.result)
        })
        .filter(|_| errno::errno_of(status.result).is_some())
        .map(|other| other.name)
        .collect();
    answer
        .with_detail("guest", driver_result(status.result))
        .with_detail("same errno", alike.join(", "))
}

/// What the driver returns for a status, as a sentence.
fn driver_result(result: GuestResult) -> String {
    match result {
        GuestResult::Zero => "The call returns 0.".to_owned(),
        GuestResult::Positive => {
            "The call returns the status itself as a positive number, which is success.".to_owned()
        }
        GuestResult::Errno(number) => {
            let errno = number.unsigned_abs();
            let name = table::errno::name(errno).unwrap_or("unknown");
            format!("The call fails with {number} ({name}).")
        }
        GuestResult::Unmapped => {
            "The driver does not map it: the call fails with -22 (EINVAL), and the true \
             status is lost."
                .to_owned()
        }
    }
}
