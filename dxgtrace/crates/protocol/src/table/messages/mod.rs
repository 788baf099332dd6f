//! The messages, one file per family. To add a message, add an element to a family; see
//! `docs/adding-a-message.md`.

use crate::schema::Message;

mod adapter;
mod address;
mod allocation;
mod device;
mod global;
mod host;
mod residency;
mod submission;
mod sync;

/// All families, in the order of the reference.
pub const FAMILIES: &[&[Message]] = &[
    global::MESSAGES,
    adapter::MESSAGES,
    device::MESSAGES,
    allocation::MESSAGES,
    residency::MESSAGES,
    address::MESSAGES,
    sync::MESSAGES,
    submission::MESSAGES,
    host::MESSAGES,
];
