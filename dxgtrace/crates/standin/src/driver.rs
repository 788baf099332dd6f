//! The functions that the probe hooks, with the names, arguments and calling
//! habits of those in the kernel.
//!
//! The tracer finds them by their symbols in the program file.
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
use dxgtrace_ebpf::record::RESCIND_RELID_OFFSET;
use dxgtrace_protocol::record::header::{ChannelEvent, RecordHeader};

/// Length of a packet descriptor, in bytes.
const DESCRIPTOR: u16 = 16;

thread_local! {
    static RESULT: Cell<i32> = const { Cell::new(0) };
    static BODY: Cell<Option<FunctionBody>> = const { Cell::new(None) };
    static RING: RefCell<FakeRing> = const { RefCell::new(FakeRing { packets: Vec::new(), next: 0, copy: Vec::new(), nested: false }) };
}

/// What a hooked function does when it is called, and its return value.
type FunctionBody = Box<dyn FnOnce() -> i32>;

/// The packets that the receive functions of this thread return.
struct FakeRing {
    packets: Vec<Vec<u8>>,
    /// Index of the next packet.
    next: usize,
    /// Packets are returned in this buffer, which the next one overwrites, as
    /// the kernel does.
    copy: Vec<u8>,
    /// Whether the last `__hv_pkt_iter_next` called `hv_pkt_iter_first`.
    nested: bool,
}

/// Stands in for the kernel's function that sends a packet; `RESULT` is its
/// return value.
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

/// Stands in for the driver's function that sends a message and waits for the
/// reply.
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
    run_body()
}

/// Stands in for the driver's ioctl handler.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn dxgk_unlocked_ioctl(file: *const c_void, request: u32, argument: u64) -> i64 {
    black_box((file, request, argument));
    run_body().into()
}

/// Returns the first packet of a batch, or null.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn hv_pkt_iter_first(channel: *const FakeChannel) -> *const u8 {
    black_box(channel);
    next_packet()
}

/// Returns the packet after `descriptor`, or null.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn __hv_pkt_iter_next(
    channel: *const FakeChannel,
    descriptor: *const u8,
) -> *const u8 {
    black_box((channel, descriptor));
    // Some kernels inline the inner function and others call it: alternate.
    let nested = RING.with_borrow_mut(|ring| {
        ring.nested = !ring.nested;
        ring.nested
    });
    if nested {
        (black_box(FUNCTIONS.first))(channel)
    } else {
        next_packet()
    }
}

/// Stands in for the kernel's function that opens a channel; `RESULT` is its
/// return value.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vmbus_open(
    channel: *const FakeChannel,
    send_ring_bytes: u32,
    receive_ring_bytes: u32,
    user_data: *const c_void,
    user_data_length: u32,
    callback: *const c_void,
    context: *const c_void,
) -> i32 {
    black_box((channel, send_ring_bytes, receive_ring_bytes));
    black_box((user_data, user_data_length, callback, context));
    RESULT.get()
}

/// Stands in for the kernel's function that closes a channel.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vmbus_close(channel: *const FakeChannel) {
    black_box(channel);
}

/// Stands in for the kernel's function that takes the host's offer of a channel.
// SAFETY: as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vmbus_onoffer(message: *const u8) {
    black_box(message);
}

/// Stands in for the kernel's function that takes the end of such an offer.
// SAFETY: as above. It differs from the one above, so that the linker does not
// fold them.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vmbus_onoffer_rescind(message: *const u8) {
    black_box((message, RESCIND_RELID_OFFSET));
}

/// The functions are called through this table, so that the optimizer can
/// neither inline them nor change their calling convention.
#[used]
static FUNCTIONS: Functions = Functions {
    send: vmbus_sendpacket,
    first: hv_pkt_iter_first,
    next: __hv_pkt_iter_next,
    sync: dxgvmb_send_sync_msg,
    ioctl: dxgk_unlocked_ioctl,
    open: vmbus_open,
    close: vmbus_close,
    offer: vmbus_onoffer,
    rescind: vmbus_onoffer_rescind,
};

struct Functions {
    send: extern "C" fn(*const FakeChannel, *const c_void, u32, u64, u32, u32) -> i32,
    first: extern "C" fn(*const FakeChannel) -> *const u8,
    next: extern "C" fn(*const FakeChannel, *const u8) -> *const u8,
    sync: extern "C" fn(*const c_void, *const c_void, u32, *const c_void, u32) -> i32,
    ioctl: extern "C" fn(*const c_void, u32, u64) -> i64,
    open: OpenFunction,
    close: extern "C" fn(*const FakeChannel),
    offer: extern "C" fn(*const u8),
    rescind: extern "C" fn(*const u8),
}

type OpenFunction = extern "C" fn(
    *const FakeChannel,
    u32,
    u32,
    *const c_void,
    u32,
    *const c_void,
    *const c_void,
) -> i32;

/// Runs `body` inside `dxgvmb_send_sync_msg`, called with a reply buffer of
/// `expected` bytes.
pub(super) fn sync(expected: u32, body: impl FnOnce() -> i32 + 'static) -> i32 {
    BODY.set(Some(Box::new(body)));
    (black_box(FUNCTIONS.sync))(ptr::null(), ptr::null(), 0, ptr::null(), expected)
}

/// Runs `body` inside the ioctl handler for ioctl number `request`.
pub(super) fn ioctl(request: u32, body: impl FnOnce() -> i32 + 'static) -> i64 {
    BODY.set(Some(Box::new(body)));
    (black_box(FUNCTIONS.ioctl))(ptr::null(), request, 0)
}

/// Runs the body that [`sync`] or [`ioctl`] has set.
fn run_body() -> i32 {
    BODY.take().map_or(0, |body| body())
}

/// Calls `vmbus_sendpacket`, which returns `value`.
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

/// Lets something happen to a channel: opening it returns `value`.
pub(super) fn channel_event(channel: &FakeChannel, event: ChannelEvent, value: i32) {
    match event {
        ChannelEvent::Offer => (black_box(FUNCTIONS.offer))(channel.offer().as_ptr()),
        ChannelEvent::Open => {
            RESULT.set(value);
            let none = ptr::null();
            (black_box(FUNCTIONS.open))(channel, 0, 0, none, 0, none, none);
        }
        ChannelEvent::Close => (black_box(FUNCTIONS.close))(channel),
        ChannelEvent::Rescind => (black_box(FUNCTIONS.rescind))(channel.rescind().as_ptr()),
    }
}

/// Receives `packets` as the driver does and returns how many came.
pub(super) fn receive(channel: &FakeChannel, packets: Vec<Vec<u8>>) -> usize {
    RING.with_borrow_mut(|ring| {
        ring.packets = packets;
        ring.next = 0;
    });
    let mut count = 0;
    let mut descriptor = (black_box(FUNCTIONS.first))(channel);
    while !descriptor.is_null() {
        count += 1;
        descriptor = (black_box(FUNCTIONS.next))(channel, descriptor);
    }
    count
}

/// A packet as in the ring: descriptor, payload (a multiple of 8 bytes), and an
/// 8-byte trailer that the lengths do not include.
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

fn next_packet() -> *const u8 {
    RING.with_borrow_mut(|ring| {
        let Some(packet) = ring.packets.get(ring.next) else {
            return ptr::null();
        };
        ring.next += 1;
        ring.copy.clear();
        ring.copy.extend_from_slice(packet);
        ring.copy.as_ptr()
    })
}
