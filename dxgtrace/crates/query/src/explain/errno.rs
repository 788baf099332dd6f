//! Explains errnos of the guest.

use std::sync::LazyLock;

use serde::Deserialize;

use super::answer::{Answer, AnswerKind};
use super::number::NumberReading;
use dxgtrace_protocol::schema::values::GuestResult;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_session::check::Layer;

/// An errno, and its meaning when this driver returns it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errno {
    /// Its positive number.
    pub number: u32,
    /// What it means.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// Why it happens, by layer.
    #[serde(rename = "cause")]
    pub causes: Vec<ErrnoReason>,
}

impl Errno {
    /// Its name.
    pub fn name(&self) -> &'static str {
        name_of(self.number)
    }
}

/// A reason for an errno.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrnoReason {
    /// The layer of the cause.
    pub layer: Layer,
    /// The cause, as a sentence.
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
struct ErrnosFile {
    errno: Vec<Errno>,
}

/// Every errno that the driver, or code that it calls, is known to return.
pub static ERRNOS: LazyLock<Vec<Errno>> = LazyLock::new(|| {
    toml::from_str::<ErrnosFile>(include_str!("../../data/errnos.toml"))
        .unwrap_or_default()
        .errno
});

/// EINVAL: the errno for statuses that the driver does not map.
const UNMAPPED: u32 = 22;

/// The errno (positive) for the driver's mapping of a status; `None` if that is
/// a success.
pub(super) fn errno_of(result: GuestResult) -> Option<u32> {
    match result {
        GuestResult::Zero | GuestResult::Positive => None,
        GuestResult::Errno(number) => Some(number.unsigned_abs()),
        GuestResult::Unmapped => Some(UNMAPPED),
    }
}

/// The entry for a positive errno.
pub(super) fn find(number: u32) -> Option<&'static Errno> {
    ERRNOS.iter().find(|errno| errno.number == number)
}

/// Explains the errno with this name.
pub(super) fn by_name(name: &str) -> Option<Answer> {
    ERRNOS
        .iter()
        .find(|errno| errno.name().eq_ignore_ascii_case(name))
        .map(answer)
}

/// Explains the errno with this number.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    find(number.errno()?).map(answer)
}

/// The name of a positive errno, or "unknown".
pub(super) fn name_of(number: u32) -> &'static str {
    table::errno::name(number).unwrap_or("unknown")
}

/// Replaces meaning and causes in an answer about `subject` by those of the
/// errno with which it failed.
pub(super) fn apply_errno(mut about: Answer, subject: &str, number: u32) -> Answer {
    let name = name_of(number);
    let Some(errno) = find(number) else {
        about.what = format!("{subject} failed with -{number} ({name}).");
        return about;
    };
    about.what = format!("{subject} failed with -{number} ({name}): {}", errno.what);
    about.causes.clear();
    for why in &errno.causes {
        about = about.with_cause(Some(why.layer), &*why.text);
    }
    about
        .with_next(&*errno.next)
        .with_detail("statuses", statuses(errno.number))
}

/// Explains an errno that the driver is not known to return, by name or number.
pub(super) fn not_returned_by_driver(word: &str) -> Option<Answer> {
    let number = match NumberReading::readings(word).into_iter().next() {
        Some(reading) => reading.errno().filter(|_| reading.negative)?,
        None => table::errno::number(&word.to_ascii_uppercase())?,
    };
    let name = table::errno::name(number).filter(|_| find(number).is_none())?;
    let hex = number.wrapping_neg();
    Some(
        Answer::new(
            AnswerKind::Errno,
            format!("-{number} {name} ({hex:08x})"),
            "An errno of Linux that this driver is not known to return.",
        )
        .with_cause(
            None,
            "It comes from the kernel around the driver, from the library, or from another driver.",
        )
        .with_next("Look at which call returned it: strace -e trace=ioctl,openat shows it."),
    )
}

/// The host's statuses that the driver maps to this errno, as text.
pub(super) fn statuses(number: u32) -> String {
    let names: Vec<&str> = STATUSES
        .iter()
        .filter(|status| errno_of(status.result) == Some(number))
        .map(|status| status.name)
        .collect();
    match (number, names.is_empty()) {
        (UNMAPPED, _) => format!(
            "{}, and every status that the driver does not map",
            names.join(", ")
        ),
        (_, true) => "none: no status of the host becomes this errno".to_owned(),
        (_, false) => names.join(", "),
    }
}

fn answer(errno: &Errno) -> Answer {
    let (number, name) = (errno.number, errno.name());
    let hex = number.wrapping_neg();
    let mut answer = Answer::new(
        AnswerKind::Errno,
        format!("-{number} {name} ({hex:08x})"),
        &*errno.what,
    )
    .with_next(&*errno.next);
    for why in &errno.causes {
        answer = answer.with_cause(Some(why.layer), &*why.text);
    }
    answer.with_detail("statuses", statuses(number))
}
