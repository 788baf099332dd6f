//! What happens at each hook, whatever kind of program called it.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns, generated,
};
use dxgtrace_ebpf::record::{KIND_RECEIVE, KIND_SEND, KIND_SEND_RETURN, Packet, SendReturn, Words};

use crate::{
    channel::Channel,
    config::{COMM_HIGH, COMM_LOW, FILTER_COMM, FILTER_PIDS},
    copy,
    maps::{FIRSTS, NEXTS, Next, PIDS, SENDS, count, store},
    memory::Memory,
};

/// The arguments of `vmbus_sendpacket`.
pub struct Send {
    /// `struct vmbus_channel *`.
    pub channel: u64,
    /// The payload.
    pub buffer: u64,
    /// Its length.
    pub length: u32,
    /// Request id.
    pub transaction: u64,
    /// Packet type.
    pub packet_type: u32,
    /// Packet flags.
    pub flags: u32,
}

/// Entry of `vmbus_sendpacket`.
///
/// The payload is copied here and not at the return: the caller's buffer may
/// by then hold the reply.
#[inline(always)]
pub fn send_entry<M: Memory>(send: &Send) {
    let Some(channel) = Channel::identify::<M>(send.channel) else {
        return;
    };
    let task = bpf_get_current_pid_tgid();
    if !wanted(task) {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).sends });
    let time = now();
    let mut packet = Packet {
        packet_type: send.packet_type as u16,
        packet_flags: send.flags as u16,
        transaction: send.transaction,
        length: send.length,
        ..header(KIND_SEND, &channel, task, time)
    };
    if copy::packet::<M>(&mut packet, send.buffer) && SENDS.insert(&thread(task), &time, 0).is_err()
    {
        count_lost_return();
    }
}

/// Return of `vmbus_sendpacket`.
#[inline(always)]
pub fn send_return(value: i32) {
    let task = bpf_get_current_pid_tgid();
    let Some(element) = SENDS.get_ptr_mut(&thread(task)) else {
        return;
    };
    // SAFETY: an aligned element of the map; only this thread uses it.
    let entry = unsafe { element.replace(0) };
    if entry == 0 {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).returns });
    let record = SendReturn {
        kind: KIND_SEND_RETURN,
        reserved: 0,
        reserved_too: 0,
        value,
        entry,
        task,
        time: now(),
    };
    if !copy::send_return(record) {
        count_lost_return();
    }
}

/// Entry of `hv_pkt_iter_first`, for programs that see no arguments at the return.
#[inline(always)]
pub fn first_entry<M: Memory>(channel: u64) {
    if let Some(channel) = Channel::identify::<M>(channel) {
        store(&FIRSTS, this_thread(), channel);
    }
}

/// Return of `hv_pkt_iter_first`, after [`first_entry`].
#[inline(always)]
pub fn first_return<M: Memory>(descriptor: u64) {
    let key = this_thread();
    let Some(element) = FIRSTS.get_ptr_mut(&key) else {
        return;
    };
    // SAFETY: an aligned element of the map; only this thread uses it.
    let channel = unsafe {
        let channel = *element;
        (*element).address = 0;
        channel
    };
    if channel.address == 0 {
        return;
    }
    mark_reported(key);
    received::<M>(&channel, descriptor);
}

/// Return of `hv_pkt_iter_first`, for programs that still see the arguments.
#[inline(always)]
pub fn first_exit<M: Memory>(channel: u64, descriptor: u64) {
    if let Some(channel) = Channel::identify::<M>(channel) {
        mark_reported(this_thread());
        received::<M>(&channel, descriptor);
    }
}

/// Entry of `__hv_pkt_iter_next`.
///
/// It ends in `hv_pkt_iter_first`, by a call, a jump, or inlined, as the
/// compiler chose. The mark tells whether that one has reported the packet.
#[inline(always)]
pub fn next_entry<M: Memory>(channel: u64) {
    if let Some(channel) = Channel::identify::<M>(channel) {
        let next = Next {
            channel,
            reported: 0,
        };
        store(&NEXTS, this_thread(), next);
    }
}

/// Return of `__hv_pkt_iter_next`.
#[inline(always)]
pub fn next_return<M: Memory>(descriptor: u64) {
    let Some(element) = NEXTS.get_ptr_mut(&this_thread()) else {
        return;
    };
    // SAFETY: an aligned element of the map; only this thread uses it.
    let next = unsafe {
        let next = *element;
        (*element).channel.address = 0;
        next
    };
    if next.channel.address != 0 && next.reported == 0 {
        received::<M>(&next.channel, descriptor);
    }
}

#[inline(always)]
fn mark_reported(key: u64) {
    if let Some(next) = NEXTS.get_ptr_mut(&key) {
        // SAFETY: an aligned element of the map; only this thread uses it.
        unsafe { (*next).reported = 1 };
    }
}

/// A packet descriptor was handed to the driver; 0 ends a batch.
#[inline(always)]
fn received<M: Memory>(channel: &Channel, descriptor: u64) {
    if descriptor == 0 {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).receives });
    // type, payload offset / 8, length / 8, flags; then the transaction id.
    let Some([words, transaction]) = M::read::<[u64; 2]>(descriptor) else {
        crate::maps::count_unreadable();
        return;
    };
    let offset8 = words >> 16 & 0xffff;
    let length8 = words >> 32 & 0xffff;
    if offset8 < 2 || length8 < offset8 {
        crate::maps::count_unreadable();
        return;
    }
    let mut packet = Packet {
        packet_type: words as u16,
        packet_flags: (words >> 48) as u16,
        transaction,
        length: ((length8 - offset8) * 8) as u32,
        ..header(KIND_RECEIVE, channel, bpf_get_current_pid_tgid(), now())
    };
    copy::packet::<M>(&mut packet, descriptor.wrapping_add(offset8 * 8));
}

/// The members that a packet has in both directions.
#[inline(always)]
fn header(kind: u8, channel: &Channel, task: u64, time: u64) -> Packet {
    Packet {
        kind,
        channel_kind: channel.kind as u8,
        packet_type: 0,
        packet_flags: 0,
        reserved: 0,
        time,
        task,
        channel: channel.address,
        transaction: 0,
        length: 0,
        kept: 0,
        lost_ring_full: 0,
        lost_unreadable: 0,
        relid: channel.relid,
        // SAFETY: a helper without arguments.
        cpu: unsafe { bpf_get_smp_processor_id() },
        instance: channel.instance,
        comm: comm(),
    }
}

/// Whether the user asked for this task's sends.
#[inline(always)]
fn wanted(task: u64) -> bool {
    if FILTER_PIDS.load() != 0 && PIDS.get_ptr(&((task >> 32) as u32)).is_none() {
        return false;
    }
    if FILTER_COMM.load() != 0 {
        return comm() == [COMM_LOW.load(), COMM_HIGH.load()];
    }
    true
}

/// The name of the running task.
#[inline(always)]
fn comm() -> Words {
    let mut comm = MaybeUninit::<Words>::uninit();
    // SAFETY: the helper fills all 16 bytes of the local, with NULs on errors.
    unsafe {
        generated::bpf_get_current_comm(comm.as_mut_ptr().cast(), 16);
        comm.assume_init()
    }
}

#[inline(always)]
fn count_lost_return() {
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).returns_lost });
}

#[inline(always)]
fn this_thread() -> u64 {
    thread(bpf_get_current_pid_tgid())
}

/// The key of a call in progress: the thread, or for the idle task, which is
/// thread 0 on every processor, the processor.
#[inline(always)]
fn thread(task: u64) -> u64 {
    match task & 0xffff_ffff {
        // SAFETY: a helper without arguments.
        0 => 1 << 32 | u64::from(unsafe { bpf_get_smp_processor_id() }),
        thread => thread,
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}
