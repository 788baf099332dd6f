//! Interface types of VMBus channels.

use super::answer::{Answer, AnswerKind};
use dxgtrace_protocol::table::framing::{GLOBAL_CHANNEL, VGPU_CHANNEL};
use dxgtrace_protocol::table::guid;

/// Explains the interface type `word`, a GUID in the usual text form.
pub(super) fn by_guid(word: &str) -> Option<Answer> {
    let bare = word.trim_matches(['{', '}']);
    let bytes = guid::parse(bare)?;
    let (high, low) = guid::luid(&bytes);
    let answer = if bytes == GLOBAL_CHANNEL {
        Answer::new(
            AnswerKind::Channel,
            format!("{} (global channel)", guid::text(&bytes)),
            "Interface type of the global channel, of which a virtual machine has one. It carries \
             messages about the machine, and in async mode all messages.",
        )
    } else if bytes == VGPU_CHANNEL {
        Answer::new(
            AnswerKind::Channel,
            format!("{} (vGPU channel)", guid::text(&bytes)),
            "Interface type of the channel of one virtual GPU. Its instance GUID is in the \
             PCI function's configuration space; its first 8 bytes are \
             the adapter's LUID in the guest.",
        )
    } else {
        Answer::new(
            AnswerKind::Channel,
            guid::text(&bytes),
            "Neither of the interface types of this protocol. If it is a channel's instance, \
             its first 8 bytes are the adapter's LUID in the guest.",
        )
        .with_detail("LUID", format!("{high:08x}-{low:08x}"))
    };
    Some(answer.with_next("dxgtrace doctor lists the channels that the host offers."))
}
