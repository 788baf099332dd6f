//! The driver's ioctls.

use super::answer::{Answer, AnswerKind};
use super::log_shapes;
use super::message::plain;
use super::number::NumberReading;
use dxgtrace_protocol::table::ioctls::{self, IOCTLS, Ioctl};
use dxgtrace_session::check::Layer;

/// The ioctls of that name: the library's function (`D3DKMTMakeResident`) or
/// the driver's (`dxgkio_make_resident`).
pub(super) fn by_name(name: &str) -> Vec<Answer> {
    let is_name = name.starts_with("D3DKMT") || name.starts_with("dxgkio_");
    if !is_name {
        return Vec::new();
    }
    find(name).into_iter().map(answer).collect()
}

/// The ioctl with that request number, or that number of its own.
pub(super) fn by_number(number: NumberReading) -> Option<Answer> {
    let value = number.u32().filter(|_| !number.negative)?;
    if let Ok(own) = u8::try_from(value) {
        let ioctl = IOCTLS.iter().find(|ioctl| ioctl.number == own)?;
        return Some(answer(ioctl));
    }
    let ioctl = ioctls::by_request(value).filter(|_| value >> 30 == 3)?;
    let size = value >> 16 & 0x3FFF;
    let mut answer = answer(ioctl);
    if size != u32::from(ioctl.size) {
        answer.what.push_str(&format!(
            " This request says {size} bytes: library and driver differ in its argument."
        ));
    }
    Some(answer)
}

/// The ioctls whose function has that name, in any spelling.
pub(super) fn find(name: &str) -> Vec<&'static Ioctl> {
    let name = name.strip_prefix("dxgkio_").unwrap_or(name);
    let name = log_shapes::SHAPES
        .ioctls
        .get(name)
        .map_or(name, String::as_str);
    let name = name.strip_prefix("D3DKMT").unwrap_or(name);
    let bare = plain(&log_shapes::unaliased(name));
    let exact: Vec<_> = matching(|function| function == bare);
    if !exact.is_empty() {
        return exact;
    }
    // MakeResident and MakeResident2 are one function of the driver.
    matching(|function| function.trim_end_matches(|c: char| c.is_ascii_digit()) == bare)
}

fn matching(fits: impl Fn(&str) -> bool) -> Vec<&'static Ioctl> {
    IOCTLS
        .iter()
        .filter(|ioctl| {
            let function = ioctl.function.strip_prefix("D3DKMT");
            fits(&plain(function.unwrap_or(ioctl.function)))
        })
        .collect()
}

/// What an ioctl can send, in words.
pub(super) fn sends(ioctl: &Ioctl) -> String {
    if ioctl.messages.is_empty() {
        "nothing: the driver answers it by itself".to_owned()
    } else {
        ioctl.messages.join(", ")
    }
}

fn answer(ioctl: &Ioctl) -> Answer {
    let layer = ioctl.messages.is_empty().then_some(Layer::Guest);
    let cause = if ioctl.messages.is_empty() {
        "If it fails, the driver refused it: the host is not asked."
    } else {
        "If it fails, the driver refused it, or the host failed one of its messages."
    };
    Answer::new(
        AnswerKind::Ioctl,
        format!(
            "{} ({:#04x}, request {:#010x})",
            ioctl.function,
            ioctl.number,
            ioctl.request()
        ),
        format!(
            "An ioctl of /dev/dxg with {} bytes of argument.",
            ioctl.size
        ),
    )
    .cause(layer, cause)
    .next("dxgtrace read on a capture shows the messages of the call with their statuses.")
    .more("messages", sends(ioctl))
}
