//! The functions that the probe hooks, with the names, the arguments and the
//! habits of the kernel's.
//!
//! Their symbols are what the tracer looks for in the program file.
#![expect(
    unsafe_code,
    reason = "a symbol that others find by its name needs `no_mangle`, which can clash; nothing is dereferenced here"
)]

use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    hint::black_box,
    ptr,
};

use super::channel::FakeChannel;
use dxgtrace_protocol::record::header::RecordHeader;

/// Length of a packet descriptor.
const DESCRIPTOR: u16 = 16;

thread_local! {
    static RESULT: Cell<i32> = const { Cell::new(0) };
    static BODY: Cell<Option<FunctionBody>> = const { Cell::new(None) };
    static RING: RefCell<FakeRing> = const { RefCell::new(FakeRing { packets: Vec::new(), at: 0, copy: Vec::new(), jumps: false }) };
}

/// What a function of the driver does, and what it returns.
type FunctionBody = Box<dyn FnOnce() -> i32>;

/// What the receive functions of this thread hand out.
struct FakeRing {
    packets: Vec<Vec<u8>>,
    at: usize,
    /// As the kernel does, packets are handed out in a private copy that the
    /// next one overwrites.
    copy: Vec<u8>,
    /// Whether the last `__hv_pkt_iter_next` went through `hv_pkt_iter_first`.
    jumps: bool,
}

/// Sends a packet.
// SAFETY: no other function of this name is linked into the program.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vmbus_sendpacket(
    channel: *const FakeChannel,
    buffer: *const c_void,
    length: u32,
    request_id: u64,
    packet_type: u32,
    flags: u32,
) -> i32 {
    black_box((channel, buffer, length, request_id, packet_type, flags));
    RESULT.get()
}

/// Sends a message and waits for its reply.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn dxgvmb_send_sync_msg(
    channel: *const c_void,
    command: *const c_void,
    command_length: u32,
    result: *const c_void,
    result_length: u32,
) -> i32 {
    black_box((channel, command, command_length, result, result_length));
    body()
}

/// Does what an application asks for.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn dxgk_unlocked_ioctl(file: *const c_void, request: u32, argument: u64) -> i64 {
    black_box((file, request, argument));
    body().into()
}

/// The first packet of a batch, or null.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn hv_pkt_iter_first(channel: *const FakeChannel) -> *const u8 {
    black_box(channel);
    take()
}

/// The packet after `descriptor`, or null.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn __hv_pkt_iter_next(
    channel: *const FakeChannel,
    descriptor: *const u8,
) -> *const u8 {
    black_box((channel, descriptor));
    // Some kernels have the inner function inlined, others call it: do both.
    let jumps = RING.with_borrow_mut(|ring| {
        ring.jumps = !ring.jumps;
        ring.jumps
    });
    if jumps {
        (black_box(FUNCTIONS.first))(channel)
    } else {
        take()
    }
}

/// Calls go through here, so that the functions keep their calling convention
/// and their names however much the optimizer sees.
#[used]
static FUNCTIONS: Functions = Functions {
    send: vmbus_sendpacket,
    first: hv_pkt_iter_first,
    next: __hv_pkt_iter_next,
    sync: dxgvmb_send_sync_msg,
    ioctl: dxgk_unlocked_ioctl,
};

struct Functions {
    send: extern "C" fn(*const FakeChannel, *const c_void, u32, u64, u32, u32) -> i32,
    first: extern "C" fn(*const FakeChannel) -> *const u8,
    next: extern "C" fn(*const FakeChannel, *const u8) -> *const u8,
    sync: extern "C" fn(*const c_void, *const c_void, u32, *const c_void, u32) -> i32,
    ioctl: extern "C" fn(*const c_void, u32, u64) -> i64,
}

/// Runs `body` within the function that waits for a reply of `expected` bytes.
pub(super) fn sync(expected: u32, body: impl FnOnce() -> i32 + 'static) -> i32 {
    BODY.set(Some(Box::new(body)));
    (black_box(FUNCTIONS.sync))(ptr::null(), ptr::null(), 0, ptr::null(), expected)
}

/// Runs `body` within the ioctl function.
pub(super) fn ioctl(request: u32, body: impl FnOnce() -> i32 + 'static) -> i64 {
    BODY.set(Some(Box::new(body)));
    (black_box(FUNCTIONS.ioctl))(ptr::null(), request, 0)
}

fn body() -> i32 {
    BODY.take().map_or(0, |body| body())
}

/// Sends as the driver does; the function will return `value`.
pub(super) fn send(
    channel: &FakeChannel,
    payload: &[u8],
    transaction: u64,
    packet_type: u16,
    flags: u16,
    value: i32,
) -> i32 {
    RESULT.set(value);
    (black_box(FUNCTIONS.send))(
        channel,
        payload.as_ptr().cast(),
        payload.len() as u32,
        transaction,
        packet_type.into(),
        flags.into(),
    )
}

/// Receives packets as the driver does, and gives the number of them.
pub(super) fn receive(channel: &FakeChannel, packets: Vec<Vec<u8>>) -> usize {
    RING.with_borrow_mut(|ring| {
        ring.packets = packets;
        ring.at = 0;
    });
    let mut count = 0;
    let mut descriptor = (black_box(FUNCTIONS.first))(channel);
    while !descriptor.is_null() {
        count += 1;
        descriptor = (black_box(FUNCTIONS.next))(channel, descriptor);
    }
    count
}

/// A packet as it lies in the ring: descriptor and payload, whose length is a
/// multiple of 8, and the trailer that no length counts.
pub(super) fn ring_packet(header: &RecordHeader, payload: &[u8]) -> Vec<u8> {
    let length = usize::from(DESCRIPTOR) + payload.len();
    let mut packet = Vec::with_capacity(length + 8);
    packet.extend(header.packet_type.to_ne_bytes());
    packet.extend((DESCRIPTOR / 8).to_ne_bytes());
    packet.extend(((length / 8) as u16).to_ne_bytes());
    packet.extend(header.packet_flags.to_ne_bytes());
    packet.extend(header.transaction.to_ne_bytes());
    packet.extend(payload);
    packet.extend([0x5a; 8]);
    packet
}

fn take() -> *const u8 {
    RING.with_borrow_mut(|ring| {
        let Some(packet) = ring.packets.get(ring.at) else {
            return ptr::null();
        };
        ring.at += 1;
        ring.copy.clear();
        ring.copy.extend_from_slice(packet);
        ring.copy.as_ptr()
    })
}
