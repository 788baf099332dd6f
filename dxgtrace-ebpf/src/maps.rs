//! The maps of the probe.

use core::{arch::asm, sync::atomic::AtomicU64};

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use dxgtrace_ebpf::record::{Counters, LOST_RING_FULL, LOST_UNREADABLE};

use crate::channel::DriverChannel;

/// Number of threads whose calls are followed. An element stays for the next call of
/// its thread, since adding and removing it costs more than the rest of a hook. The
/// oldest elements are reused.
const THREADS: u32 = 16 * 1024;

/// Records on their way to user space; the loader sets the size.
#[map]
pub static RECORDS: RingBuf = RingBuf::with_byte_size(32 * 1024 * 1024, 0);
/// The calls of the driver in progress, by thread.
#[map]
pub static CALLS: LruHashMap<u64, Calls> = LruHashMap::with_max_entries(THREADS, 0);
/// `hv_pkt_iter_first` in progress: by thread, its channel, or address 0.
///
/// Not in the map above, since a receiving softirq can interrupt a send.
#[map]
pub static FIRSTS: LruHashMap<u64, DriverChannel> = LruHashMap::with_max_entries(THREADS, 0);
/// `__hv_pkt_iter_next` in progress: by thread, with a channel address or 0.
#[map]
pub static NEXTS: LruHashMap<u64, Next> = LruHashMap::with_max_entries(THREADS, 0);
/// `vmbus_open` in progress: by thread, its channel. Opening is rare, so the
/// elements go with the call.
#[map]
pub static OPENS: HashMap<u64, DriverChannel> = HashMap::with_max_entries(1024, 0);
/// Thread groups whose sends are captured, with `FILTER_PIDS`: as the kernel
/// numbers them, or with `IN_NAMESPACE`. The loader sets the size.
#[map]
pub static PIDS: HashMap<u32, u8> = HashMap::with_max_entries(4096, 0);
/// Children for which there was no room in `PIDS`.
#[map]
pub static UNFOLLOWED: Array<u64> = Array::with_max_entries(1, 0);
/// Event counters, per processor.
#[map]
pub static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// The calls of the driver that a thread is in: one ioctl at most, in it one
/// synchronous send, and in that one send of the VMBus.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Calls {
    /// Time at which the send in progress began, or 0; of one that is not in the
    /// ring, `SEND_RING_FULL` or `SEND_UNREADABLE`.
    pub send: u64,
    /// Time at which the ioctl in progress began, or 0.
    pub ioctl_entry: u64,
    /// Its request number.
    pub ioctl: u32,
    /// Messages sent in it.
    pub messages: u32,
    /// Bytes that the synchronous send in progress expects in the reply.
    pub expected: u32,
    /// Not 0: there is a synchronous send in progress.
    pub sync: u32,
    /// What the first failed synchronous send of the ioctl returned, or 0.
    pub failed: i32,
    /// Not 0: a synchronous send has ended in the ioctl.
    pub sync_ended: u32,
}

impl Calls {
    /// No call in progress.
    pub const NONE: Self = Self {
        send: 0,
        ioctl_entry: 0,
        ioctl: 0,
        messages: 0,
        expected: 0,
        sync: 0,
        failed: 0,
        sync_ended: 0,
    };
}

/// Stands for the time of a send that found the ring to user space full.
pub const SEND_RING_FULL: u64 = 1;
/// Stands for the time of a send whose memory could not be read.
pub const SEND_UNREADABLE: u64 = 2;

/// A call of `__hv_pkt_iter_next`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Next {
    /// Its channel.
    pub channel: DriverChannel,
    /// Not 0: an inner `hv_pkt_iter_first` has already reported the packet.
    pub reported: u64,
}

/// Packets lost so far by cause, over all processors. Each record carries the
/// counts, which places a loss between two records.
static LOST: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Counts a packet that is lost because the ring is full.
#[inline(always)]
pub fn count_ring_full() {
    add_one(LOST[LOST_RING_FULL].as_ptr());
}

/// Takes back the count of a packet that was only an attempt, as its return has shown.
#[inline(always)]
pub fn uncount_ring_full() {
    add(LOST[LOST_RING_FULL].as_ptr(), u64::MAX);
}

/// Counts a packet that is lost because its memory cannot be read.
#[inline(always)]
pub fn count_unreadable() {
    add_one(LOST[LOST_UNREADABLE].as_ptr());
}

/// Both counts, each modulo 2^32.
#[inline(always)]
pub fn lost() -> [u32; 2] {
    // SAFETY: aligned words that are always there. Volatile reads, since the
    // code generator has no relaxed atomic load before BPF's version 4.
    let read = |cause: usize| unsafe { LOST[cause].as_ptr().read_volatile() } as u32;
    [read(LOST_RING_FULL), read(LOST_UNREADABLE)]
}

/// Stores a value for the thread's return hook. Returns false if the map is full.
#[inline(always)]
pub fn store<T: Copy>(map: &LruHashMap<u64, T>, thread: u64, value: T) -> bool {
    if let Some(element) = map.get_ptr_mut(&thread) {
        // SAFETY: an aligned element of the map; only this thread uses it.
        unsafe { element.write(value) };
        return true;
    }
    map.insert(&thread, &value, 0).is_ok()
}

/// Adds one to a member of this processor's [`Counters`].
#[inline(always)]
pub fn count(member: fn(*mut Counters) -> *mut u64) {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        add_one(member(counters));
    }
}

/// Adds one to a counter. Atomic even for counters of one processor, since a uprobe can
/// be preempted by another one.
#[inline(always)]
pub fn add_one(counter: *mut u64) {
    add(counter, 1);
}

/// Adds a number, which may be negative.
#[inline(always)]
fn add(counter: *mut u64, number: u64) {
    // SAFETY: all callers pass an aligned `u64` in a map. In assembly, since
    // `core` has no `fetch_add` for a target without compare-and-swap, and the
    // fetching form of the instruction is not in Linux 5.10.
    unsafe { asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) counter, in(reg) number) };
}
