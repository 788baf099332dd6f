//! For every finding code, a conversation with this finding alone, and a similar one
//! without it.

pub mod calls;
mod channels;
mod objects;
mod packets;
mod replies;
mod sync;
mod versions;

use std::fmt::Write;

use anyhow::Result;
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_session::check::Code;

use crate::conversation::Conversation;

/// The process that sends the requests of most conversations.
pub const PROCESS: u32 = 0x4000_0040;
/// Its device.
pub const DEVICE: u64 = 0x4000_0000;
/// An allocation on it.
pub const ALLOCATION: u64 = 0x4000_0080;

/// A finding's two conversations.
pub struct Case {
    /// The finding.
    pub code: Code,
    /// Other findings that always come with it.
    pub with: &'static [Code],
    /// The conversation with the finding.
    pub found: Conversation,
    /// The similar conversation without it.
    pub near: Conversation,
}

/// The state in which the conversations of a case begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InitialState {
    /// Nothing.
    Nothing,
    /// The driver is up, and a process has a device and an allocation.
    Device,
}

type Part = fn(&mut Conversation) -> Result<()>;

fn case(
    code: Code,
    with: &'static [Code],
    begin: InitialState,
    found: Part,
    near: Part,
) -> Result<Case> {
    let begun = || -> Result<Conversation> {
        let mut talk = Conversation::default();
        if begin == InitialState::Device {
            talk.start_driver()?;
            talk.create_process(PROCESS, 100)?;
            talk.create_device(DEVICE)?;
            talk.create_allocations(DEVICE, &[ALLOCATION])?;
        }
        Ok(talk)
    };
    let mut case = Case {
        code,
        with,
        found: begun()?,
        near: begun()?,
    };
    found(&mut case.found)?;
    near(&mut case.near)?;
    Ok(case)
}

/// All of them.
pub fn all() -> Result<Vec<Case>> {
    let mut cases = packets::cases()?;
    cases.extend(calls::cases()?);
    cases.extend(channels::cases()?);
    cases.extend(replies::cases()?);
    cases.extend(versions::cases()?);
    cases.extend(objects::cases()?);
    cases.extend(sync::cases()?);
    cases.sort_by_key(|case| case.code);
    Ok(cases)
}

/// The list of the samples, for their folder.
pub fn list() -> Result<String> {
    let mut text = "\
# Findings

A capture for every kind of finding that `dxgtrace check` knows: it shows that finding and, but for the companions named here, no other. \
`tests/findings` says what is in each, and a conversation beside it that comes close and does not show it.

Written by `cargo run -p dxgtrace-tests --bin maintain samples`.

| capture | frames | severity | layer | with |
|---|--:|---|---|---|
"
    .to_owned();
    for case in all()? {
        let about = case.code.description();
        let with: Vec<&str> = case.with.iter().map(|code| code.word()).collect();
        let (word, severity, layer) = (about.word, about.severity.name(), about.layer.name());
        let frames = case.found.packets.len();
        let with = with.join(", ");
        writeln!(
            text,
            "| [{word}]({word}.pcapng) | {frames} | {severity} | {layer} | {with} |"
        )?;
    }
    Ok(text)
}

/// A conversation as a capture file.
pub fn file(talk: &Conversation) -> Result<Vec<u8>> {
    let about = CaptureOrigin {
        hardware: String::new(),
        os: String::new(),
        application: "dxgtrace make-samples (synthetic)".to_owned(),
    };
    let mut output = Vec::new();
    let mut writer = Writer::new(&mut output, &about, FlushPolicy::EveryRecord)?;
    let channels = Conversation::channels();
    for packet in talk.packets() {
        writer.write(&packet, &channels, &[])?;
    }
    writer.finish()?;
    Ok(output)
}
