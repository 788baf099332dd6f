//! Explains the driver's ioctls.

use super::answer::{Answer, AnswerKind};
use super::log_shapes;
use super::message::normalized_name;
use super::number::NumberReading;
use dxgtrace_protocol::table::ioctls::{self, IOCTLS, Ioctl};
use dxgtrace_session::check::Layer;

/// Explains the ioctls with the name of a library function
/// (`D3DKMTMakeResident`) or driver function (`dxgkio_make_resident`).
pub(super) fn by_name(name: &str) -> Vec<Answer> {
    let is_name = name.starts_with("D3DKMT") || name.starts_with("dxgkio_");
    if !is_name {
        return Vec::new();
    }
    find(name).into_iter().map(answer).collect()
}

/// Explains the ioctl with this request number or ioctl number.
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
            " The request number gives {size} bytes: library and driver disagree about the argument."
        ));
    }
    Some(answer)
}

/// The ioctls whose function has this name, in any spelling.
pub(super) fn find(name: &str) -> Vec<&'static Ioctl> {
    let name = name.strip_prefix("dxgkio_").unwrap_or(name);
    let name = log_shapes::SHAPES
        .ioctls
        .get(name)
        .map_or(name, String::as_str);
    let name = name.strip_prefix("D3DKMT").unwrap_or(name);
    let bare = normalized_name(&log_shapes::unaliased(name));
    let exact: Vec<_> = matching(|function| function == bare);
    if !exact.is_empty() {
        return exact;
    }
    // The driver has one function for MakeResident and MakeResident2.
    matching(|function| function.trim_end_matches(|c: char| c.is_ascii_digit()) == bare)
}

fn matching(fits: impl Fn(&str) -> bool) -> Vec<&'static Ioctl> {
    IOCTLS
        .iter()
        .filter(|ioctl| {
            let function = ioctl.function.strip_prefix("D3DKMT");
            fits(&normalized_name(function.unwrap_or(ioctl.function)))
        })
        .collect()
}

/// The messages that an ioctl can send, as text.
pub(super) fn sends(ioctl: &Ioctl) -> String {
    if ioctl.messages.is_empty() {
        "none: the driver handles it without the host".to_owned()
    } else {
        ioctl.messages.join(", ")
    }
}

fn answer(ioctl: &Ioctl) -> Answer {
    let layer = ioctl.messages.is_empty().then_some(Layer::Guest);
    let cause = if ioctl.messages.is_empty() {
        "If it fails, the driver refused it: the host is not involved."
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
    .with_cause(layer, cause)
    .with_next("dxgtrace read on a capture shows the messages of the call with their statuses.")
    .with_detail("messages", sends(ioctl))
}
