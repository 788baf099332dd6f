//! The pseudo-header of a record in a capture file, and the payloads of records that
//! are not packets. They are described like messages, so that filters, exports and the
//! reference handle them the same way.

pub mod header;
mod names;
mod payload;
mod stored;
mod version;

pub use header::RECORD;
pub use names::{IOCTL, PACKET_FLAGS, PACKET_TYPE};
pub use payload::{CHANNEL_LIFE, IOCTL_END, LOST};
