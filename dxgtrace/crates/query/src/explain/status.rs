//! NTSTATUS values.

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

/// Why the host answers a status, and what to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusAdvice {
    /// Why.
    pub cause: String,
    /// What to do.
    pub next: String,
}

/// The advice on every named status, by name.
pub static ADVICE: LazyLock<BTreeMap<String, StatusAdvice>> =
    LazyLock::new(|| toml::from_str(include_str!("../../data/statuses.toml")).unwrap_or_default());

/// Bits 30 and 31: 3 is an error.
const SEVERITIES: [&str; 4] = ["success", "information", "warning", "error"];

/// The status of that name, with or without `STATUS_`.
pub(super) fn by_name(name: &str) -> Option<Answer> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("STATUS_").unwrap_or(&upper);
    STATUSES
        .iter()
        .find(|status| status.name.strip_prefix("STATUS_") == Some(bare))
        .map(answer)
}

/// The named status with that number.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    table::status(number.u32()?).map(answer)
}

/// What can be said of a status without a name.
pub(super) fn unnamed(number: NumberReading) -> Option<Answer> {
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
            format!(
                "A status without a name here: {severity}, facility {facility}{domain}, code {code:#x}."
            ),
        )
        .cause(
            Some(Layer::Host),
            "The host failed in a way that the driver has no errno for.",
        )
        .next("Look the number up in Microsoft's list MS-ERREF, section 2.3.")
        .more("guest", becomes(GuestResult::Unmapped)),
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
        answer = answer.cause(layer, &*advice.cause).next(&*advice.next);
    }
    let alike: Vec<&str> = STATUSES
        .iter()
        .filter(|other| {
            other.value != status.value && errno::of(other.result) == errno::of(status.result)
        })
        .filter(|_| errno::of(status.result).is_some())
        .map(|other| other.name)
        .collect();
    answer
        .more("guest", becomes(status.result))
        .more("same errno", alike.join(", "))
}

/// What the driver makes of a status, in a sentence.
fn becomes(result: GuestResult) -> String {
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
            "The driver has no case for it: the call fails with -22 (EINVAL), and the true \
             status is lost."
                .to_owned()
        }
    }
}
