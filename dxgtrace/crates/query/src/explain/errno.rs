//! Error numbers of the guest.

use std::sync::LazyLock;

use serde::Deserialize;

use super::answer::{Answer, AnswerKind};
use super::number::NumberReading;
use dxgtrace_protocol::schema::values::GuestResult;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::statuses::STATUSES;
use dxgtrace_session::check::Layer;

/// An error number, and what it means coming from this driver.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errno {
    /// Its positive number.
    pub number: u32,
    /// What it means.
    pub what: String,
    /// What to do.
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
    /// Where it lies.
    pub layer: Layer,
    /// In a sentence.
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
struct ErrnosFile {
    errno: Vec<Errno>,
}

/// Every error number that the driver or what it calls is known to return.
pub static ERRNOS: LazyLock<Vec<Errno>> = LazyLock::new(|| {
    toml::from_str::<ErrnosFile>(include_str!("../../data/errnos.toml"))
        .unwrap_or_default()
        .errno
});

/// EINVAL: what statuses become that the driver has no case for.
const UNMAPPED: u32 = 22;

/// The errno that a status becomes, if it fails.
pub(super) fn of(result: GuestResult) -> Option<u32> {
    match result {
        GuestResult::Zero | GuestResult::Positive => None,
        GuestResult::Errno(number) => Some(number.unsigned_abs()),
        GuestResult::Unmapped => Some(UNMAPPED),
    }
}

/// The error number with that positive value.
pub(super) fn find(number: u32) -> Option<&'static Errno> {
    ERRNOS.iter().find(|errno| errno.number == number)
}

/// The errno of that name.
pub(super) fn by_name(name: &str) -> Option<Answer> {
    ERRNOS
        .iter()
        .find(|errno| errno.name().eq_ignore_ascii_case(name))
        .map(answer)
}

/// The errno of that number.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    find(number.errno()?).map(answer)
}

/// The name of a positive errno, or a word for one without.
pub(super) fn name_of(number: u32) -> &'static str {
    table::errno::name(number).unwrap_or("unknown")
}

/// An answer about `subject`, which failed with an errno: the errno's meaning
/// and causes take the place of its own.
pub(super) fn onto(mut about: Answer, subject: &str, number: u32) -> Answer {
    let name = name_of(number);
    let Some(errno) = find(number) else {
        about.what = format!("{subject} failed with -{number} ({name}).");
        return about;
    };
    about.what = format!("{subject} failed with -{number} ({name}): {}", errno.what);
    about.causes.clear();
    for why in &errno.causes {
        about = about.cause(Some(why.layer), &*why.text);
    }
    about
        .next(&*errno.next)
        .more("statuses", statuses(errno.number))
}

/// An errno that the driver is not known to return, by its name or number.
pub(super) fn unused(word: &str) -> Option<Answer> {
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
        .cause(
            None,
            "It comes from the kernel around the driver, from the library, or from another driver.",
        )
        .next("Look at which call returned it: strace -e trace=ioctl,openat shows it."),
    )
}

/// The statuses of the host that become this errno, as text.
pub(super) fn statuses(number: u32) -> String {
    let names: Vec<&str> = STATUSES
        .iter()
        .filter(|status| of(status.result) == Some(number))
        .map(|status| status.name)
        .collect();
    match (number, names.is_empty()) {
        (UNMAPPED, _) => format!("{}, and every status without a case", names.join(", ")),
        (_, true) => "none: the host cannot have said this".to_owned(),
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
    .next(&*errno.next);
    for why in &errno.causes {
        answer = answer.cause(Some(why.layer), &*why.text);
    }
    answer.more("statuses", statuses(number))
}
