//! The messages, one family a file. Adding a message is adding an element to
//! a family; `docs/adding-a-message.md` walks through it.

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

/// Every family, in the order of the reference.
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
