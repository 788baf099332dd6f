//! Findings about the versions that both sides declare.

use anyhow::Result;
use dxgtrace_session::check::Code;

use super::InitialState::Nothing;
use super::{Case, case};
use crate::conversation::Conversation;

fn opened(talk: &mut Conversation, declared: u64, version: u64, compatible: u64) -> Result<()> {
    talk.add_exchange(
        "open_adapter",
        &[("vmbus_interface_version", &[declared])],
        &[
            ("host_adapter_handle", &[0x40]),
            ("vmbus_interface_version", &[version]),
            ("vmbus_last_compatible_interface_version", &[compatible]),
        ],
    )
}

pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        case(
            Code::VersionIncompatible,
            &[],
            Nothing,
            |talk| opened(talk, 40, 45, 41),
            |talk| opened(talk, 40, 40, 40),
        )?,
        case(
            Code::VersionHostNewer,
            &[],
            Nothing,
            |talk| opened(talk, 40, 41, 40),
            |talk| opened(talk, 40, 40, 40),
        )?,
        case(
            Code::VersionContradicts,
            &[],
            Nothing,
            |talk| opened(talk, 40, 39, 16),
            |talk| opened(talk, 40, 40, 16),
        )?,
        case(
            Code::VersionFallback,
            &[],
            Nothing,
            |talk| {
                talk.version = 27;
                opened(talk, 27, 27, 16)
            },
            |talk| opened(talk, 40, 40, 16),
        )?,
        case(
            Code::VersionFraming,
            &[],
            Nothing,
            |talk| {
                talk.version = 27;
                opened(talk, 40, 40, 16)
            },
            |talk| opened(talk, 40, 40, 16),
        )?,
    ])
}
