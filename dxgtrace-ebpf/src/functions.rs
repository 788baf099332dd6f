//! The functions that the probe hooks.
//!
//! The loader finds them by name, in the kernel's symbols or in a stand-in, which
//! has to export them.

/// Sends a packet.
pub const SEND: &str = "vmbus_sendpacket";
/// Returns the first packet of a batch.
pub const FIRST: &str = "hv_pkt_iter_first";
/// Returns the packet after another one.
pub const NEXT: &str = "__hv_pkt_iter_next";
/// Sends a message of the driver and waits for the reply.
pub const SYNC: &str = "dxgvmb_send_sync_msg";
/// The ioctl handler of the driver.
pub const IOCTL: &str = "dxgk_unlocked_ioctl";

/// Opens a channel.
pub const OPEN: &str = "vmbus_open";
/// Closes a channel.
pub const CLOSE: &str = "vmbus_close";
/// Takes the host's offer of a channel.
pub const OFFER: &str = "vmbus_onoffer";
/// Takes the host's message that ends such an offer.
pub const RESCIND: &str = "vmbus_onoffer_rescind";

/// All hooked functions.
pub const ALL: [&str; 9] = [SEND, FIRST, NEXT, SYNC, IOCTL, OPEN, CLOSE, OFFER, RESCIND];
