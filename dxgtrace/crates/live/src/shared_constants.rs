//! Asserts at build time that constants defined both in the probe and in the
//! protocol's table are equal. The probe cannot use the table: it is compiled for
//! a BPF target, from a crate without dependencies.

use dxgtrace_ebpf::record;

use dxgtrace_protocol::record::header::{ChannelEvent, ChannelKind};
use dxgtrace_protocol::table::framing;

const fn same(a: [u8; 16], b: [u8; 16]) -> bool {
    u128::from_ne_bytes(a) == u128::from_ne_bytes(b)
}

const _: () = assert!(same(record::GLOBAL_TYPE, framing::GLOBAL_CHANNEL));
const _: () = assert!(same(record::VGPU_TYPE, framing::VGPU_CHANNEL));
const _: () = assert!(record::CHANNEL_GLOBAL == ChannelKind::Global as u8);
const _: () = assert!(record::CHANNEL_VGPU == ChannelKind::Vgpu as u8);
const _: () = assert!(record::CHANNEL_OFFER == ChannelEvent::Offer as u8);
const _: () = assert!(record::CHANNEL_OPEN == ChannelEvent::Open as u8);
const _: () = assert!(record::CHANNEL_CLOSE == ChannelEvent::Close as u8);
const _: () = assert!(record::CHANNEL_RESCIND == ChannelEvent::Rescind as u8);
const _: () = assert!(record::MAX_PAYLOAD >= framing::MAX_MESSAGE);
