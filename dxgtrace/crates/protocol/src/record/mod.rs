//! What a capture file says beside a message: the pseudo-header of a record, and the
//! payloads of records that are not packets. They are described as the messages are,
//! so that filters, exports and the reference walk them the same way.

pub mod header;
mod names;
mod payload;
mod stored;
mod version;

pub use header::RECORD;
pub use names::{IOCTL, PACKET_FLAGS, PACKET_TYPE};
pub use payload::{IOCTL_END, LOST};
