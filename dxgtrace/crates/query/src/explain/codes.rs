//! Codes of the libraries above the driver (HRESULT, CUDA, HIP, ROCm), and
//! other spellings of statuses and errnos.

use std::sync::LazyLock;

use dxgtrace_protocol::table;
use dxgtrace_session::check::Layer;
use regex::Regex;
use serde::Deserialize;

use super::answer::{Answer, AnswerKind};
use super::message::normalized_name;
use super::number::NumberReading;
use super::{errno, status};

/// The bit that marks an HRESULT which wraps an NTSTATUS.
const HRESULT_NT_BIT: u32 = 0x1000_0000;
/// HRESULTs of Win32 errors begin with these bits.
const HRESULT_WIN32: u32 = 0x8007_0000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesFile {
    code: Vec<LibraryCode>,
}

/// A code of a library.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryCode {
    names: Vec<String>,
    of: String,
    what: String,
    next: String,
}

static CODES: LazyLock<Vec<LibraryCode>> = LazyLock::new(|| {
    toml::from_str::<CodesFile>(include_str!("../../data/codes.toml"))
        .unwrap_or_default()
        .code
});

/// Explains the library code with this name or number.
pub(super) fn by_name(word: &str) -> Option<Answer> {
    let bare = normalized_name(word);
    let number = NumberReading::readings(word)
        .into_iter()
        .find(|reading| reading.hex || reading.negative)
        .map(|reading| reading.value);
    let means = |name: &String| match name.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok() == number && number.is_some(),
        None => !bare.is_empty() && normalized_name(name) == bare,
    };
    let code = CODES.iter().find(|code| code.names.iter().any(means))?;
    Some(
        Answer::new(
            AnswerKind::Code,
            format!("{} ({})", code.names.join(", "), code.of),
            &*code.what,
        )
        .with_cause(
            Some(Layer::Library),
            "The library reports a failure of a lower layer with it.",
        )
        .with_next(&*code.next),
    )
}

/// Explains an HRESULT that wraps a status of the host or a Win32 error.
pub(super) fn by_wrapping_hresult(word: &str) -> Option<Answer> {
    let reading = NumberReading::readings(word)
        .into_iter()
        .find(|reading| reading.hex || reading.negative)?;
    let value = reading.u32()?;
    if value >> 28 == 0xd {
        let inner = NumberReading {
            value: u64::from(value & !HRESULT_NT_BIT),
            ..reading
        };
        let mut answer = status::by_number(inner).or_else(|| status::by_unnamed_number(inner))?;
        answer.what = format!(
            "An HRESULT that wraps the host's status {:#010x} (bit 0x10000000). {}",
            inner.value, answer.what
        );
        return Some(answer);
    }
    let code = value & 0xffff;
    (value & 0xffff_0000 == HRESULT_WIN32).then(|| {
        Answer::new(
            AnswerKind::Code,
            format!("{value:#010x} (HRESULT)"),
            format!("The Win32 error {code}, as an HRESULT."),
        )
        .with_cause(
            Some(Layer::Library),
            "The library reports a failure of a lower layer with it.",
        )
        .with_next(format!(
            "Look {code} up in Microsoft's list of Win32 errors; dxgtrace check on a capture \
             shows which message failed."
        ))
    })
}

/// `errno 75`, `EOVERFLOW (75)`, `-75 (EOVERFLOW)`, `-1 EOVERFLOW (...)`,
/// `STATUS_X (0x...)`: the word that names it.
static SPELLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:errno[ =:]+)?(?:-?\d+ +\(?)?(?P<name>E[A-Z][A-Z0-9_]+)\b",
        r"|\b[Ee]rrno[ =:]+-?(?P<number>\d+)\b",
        r"|^(?P<status>STATUS_\w+)",
    ))
    .ok()
});

/// Explains an errno or status in one of these spellings.
pub(super) fn by_spelling(thing: &str) -> Option<Answer> {
    let found = SPELLED.as_ref()?.captures(thing)?;
    if let Some(status) = found.name("status") {
        return status::by_name(status.as_str());
    }
    let number = match found.name("name") {
        Some(name) => table::errno::number(name.as_str())?,
        None => found.name("number")?.as_str().parse().ok()?,
    };
    let word = format!("-{number}");
    let reading = NumberReading::readings(&word).into_iter().next()?;
    errno::by_number(reading).or_else(|| errno::not_returned_by_driver(&word))
}

/// Explains the name of an enumeration value (`KMTQAITYPE_WDDM_2_7_CAPS`), with
/// the fields that can hold it.
pub(super) fn value_by_name(word: &str) -> Option<Answer> {
    let mut places = Vec::new();
    let mut number = None;
    for message in table::all() {
        for (part, layout) in super::field::layouts(message) {
            for field in layout.fields {
                let dxgtrace_protocol::schema::FieldType::Enum(names) = field.ty else {
                    continue;
                };
                let named = names.values.iter().find(|value| value.name == word);
                if let Some(value) = named {
                    number = Some((names.name, value.number));
                    let place = format!("dxg.{}.{} ({part})", message.name, field.name);
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
            }
        }
    }
    let (names, value) = number?;
    Some(
        Answer::new(
            AnswerKind::Field,
            format!("{word} = {value} ({names})"),
            format!("A value of {names}."),
        )
        .with_cause(None, "Applications and libraries choose it; a host knows some of the values.")
        .with_next(format!(
            "dxgtrace read -Y '{} == {word}' on a capture shows its packets and the host's replies.",
            places.first().map_or("", |place| place.split(' ').next().unwrap_or(""))
        ))
        .with_detail("fields", places.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn every_code_of_the_data_file_is_known_by_every_name() {
        assert!(CODES.len() > 20);
        for code in CODES.iter() {
            for name in &code.names {
                let answer = by_name(name).unwrap();
                assert!(answer.name.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn a_wrapped_status_is_unwrapped() {
        assert!(
            by_wrapping_hresult("0xd0000022")
                .unwrap()
                .name
                .contains("STATUS_ACCESS_DENIED")
        );
        assert!(
            by_wrapping_hresult("0x80070005")
                .unwrap()
                .what
                .contains("Win32 error 5")
        );
        assert!(by_wrapping_hresult("0xc0000022").is_none());
    }

    #[test]
    fn errnos_are_known_as_logs_spell_them() {
        for thing in [
            "errno 75",
            "errno=75",
            "OSError: [Errno 75] Value too large for defined data type",
            "EOVERFLOW (75)",
            "-75 (EOVERFLOW)",
            "-1 EOVERFLOW (Value too large for defined data type)",
        ] {
            assert!(
                by_spelling(thing).unwrap().name.contains("EOVERFLOW"),
                "{thing}"
            );
        }
        assert!(by_spelling("EDQUOT").unwrap().what.contains("GPADL"));
        assert!(
            by_spelling("EXDEV")
                .unwrap()
                .what
                .contains("not known to return")
        );
        let status = by_spelling("STATUS_NO_MEMORY (0xc0000017)").unwrap();
        assert!(status.name.contains("0xc0000017"));
        assert!(by_spelling("ENOSUCHNAME").is_none());
    }
}
