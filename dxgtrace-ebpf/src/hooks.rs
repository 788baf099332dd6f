//! The logic of each hook, the same for every kind of program.

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns, generated,
};
use dxgtrace_ebpf::record::{
    CHANNEL_CLOSE, CHANNEL_OFFER, CHANNEL_OPEN, CHANNEL_RESCIND, ChannelRecord, END_SYNC,
    END_UNSEEN, IoctlEndRecord, KIND_CHANNEL, KIND_IOCTL_END, KIND_RECEIVE, KIND_SEND,
    KIND_SEND_RETURN, PacketRecord, RESCIND_RELID_OFFSET, SendReturn, VIEW_EXPECTED, VIEW_IOCTL,
    Words,
};

use crate::{
    channel::DriverChannel,
    config::{COMM_HIGH, COMM_LOW, FILTER_COMM, FILTER_PIDS},
    copy::{self, CopyOutcome},
    follow,
    maps::{
        self, CALLS, Calls, FIRSTS, NEXTS, Next, OPENS, SEND_RING_FULL, SEND_UNREADABLE, count,
        store,
    },
    memory::Memory,
    syscall,
};

/// What a send returns if the ring to the host is full.
const EAGAIN: i32 = -11;

/// The arguments of `vmbus_sendpacket`.
pub struct Send {
    /// `struct vmbus_channel *`.
    pub channel: u64,
    /// The payload.
    pub buffer: u64,
    /// Length of the payload.
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
    let Some(channel) = DriverChannel::identify::<M>(send.channel) else {
        return;
    };
    let task = bpf_get_current_pid_tgid();
    if !wanted(task) {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).sends });
    let time = now();
    let mut packet = PacketRecord {
        packet_type: send.packet_type as u16,
        packet_flags: send.flags as u16,
        transaction: send.transaction,
        length: send.length,
        ..header(KIND_SEND, &channel, task, time)
    };
    let calls = calls(task);
    if let Some(calls) = calls {
        forget_missed(task, calls);
        // SAFETY: an aligned element of the map; only this thread uses it.
        unsafe {
            (*calls).messages += 1;
            if (*calls).ioctl_entry != 0 {
                packet.view |= VIEW_IOCTL;
                packet.ioctl = (*calls).ioctl;
            }
            if (*calls).sync != 0 {
                packet.view |= VIEW_EXPECTED;
                packet.expected = (*calls).expected;
            }
        }
    }
    let copied = copy::packet::<M>(&mut packet, send.buffer);
    match calls {
        // SAFETY: as above.
        Some(calls) => unsafe {
            (*calls).send = match copied {
                CopyOutcome::Written => time,
                CopyOutcome::RingFull => SEND_RING_FULL,
                CopyOutcome::Unreadable => SEND_UNREADABLE,
            }
        },
        None if copied == CopyOutcome::Written => count_lost_return(),
        None => {}
    }
}

/// Return of `vmbus_sendpacket`.
#[inline(always)]
pub fn send_return(value: i32) {
    let task = bpf_get_current_pid_tgid();
    let Some(calls) = CALLS.get_ptr_mut(&thread(task)) else {
        return;
    };
    // SAFETY: an aligned element of the map; only this thread uses it.
    let entry = unsafe {
        let entry = (*calls).send;
        (*calls).send = 0;
        if entry == 0 {
            return;
        }
        if value != 0 {
            // It was an attempt, not a message.
            (*calls).messages -= 1;
        }
        entry
    };
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).returns });
    if entry <= SEND_UNREADABLE {
        // User space folds refused attempts into one record: they are no loss.
        if entry == SEND_RING_FULL && value == EAGAIN {
            maps::uncount_ring_full();
        }
        return;
    }
    let record = SendReturn {
        kind: KIND_SEND_RETURN,
        reserved: 0,
        reserved_too: 0,
        value,
        entry,
        task,
        time: now(),
    };
    if !copy::end(record) {
        count_lost_return();
    }
}

/// Entry of `dxgvmb_send_sync_msg`, which sends and waits for the reply.
#[inline(always)]
pub fn sync_entry(expected: u32) {
    let task = bpf_get_current_pid_tgid();
    if !wanted(task) {
        return;
    }
    if let Some(calls) = calls(task) {
        forget_missed(task, calls);
        // SAFETY: an aligned element of the map; only this thread uses it.
        unsafe {
            (*calls).expected = expected;
            (*calls).sync = 1;
        }
    }
}

/// Return of `dxgvmb_send_sync_msg`: 0, or the driver's errno of a failure.
#[inline(always)]
pub fn sync_return(value: i32) {
    if let Some(calls) = CALLS.get_ptr_mut(&this_thread()) {
        // SAFETY: an aligned element of the map; only this thread uses it.
        unsafe {
            (*calls).sync = 0;
            (*calls).sync_ended = 1;
            if (*calls).failed == 0 {
                (*calls).failed = value;
            }
        }
    }
}

/// Entry of `dxgk_unlocked_ioctl`.
#[inline(always)]
pub fn ioctl_entry(request: u32) {
    let task = bpf_get_current_pid_tgid();
    if !wanted(task) {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).ioctls });
    let time = now();
    if let Some(calls) = calls(task) {
        // SAFETY: an aligned element of the map; only this thread uses it.
        let before = unsafe { *calls };
        if before.ioctl_entry != 0 {
            // A thread is in one ioctl at a time: the end of that one was missed.
            ioctl_end(task, &before, END_UNSEEN, 0, time);
        }
        // SAFETY: as above.
        unsafe {
            calls.write(Calls {
                ioctl_entry: time,
                ioctl: request,
                ..Calls::NONE
            });
        }
    } else {
        count_lost_return();
    }
}

/// Return of `dxgk_unlocked_ioctl`.
#[inline(always)]
pub fn ioctl_return(value: i32) {
    let task = bpf_get_current_pid_tgid();
    let Some(element) = CALLS.get_ptr_mut(&thread(task)) else {
        return;
    };
    forget_missed(task, element);
    // SAFETY: an aligned element of the map; only this thread uses it.
    let calls = unsafe { *element };
    if calls.ioctl_entry == 0 {
        return;
    }
    // SAFETY: as above.
    unsafe { element.write(Calls::NONE) };
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).ioctl_ends });
    ioctl_end(task, &calls, 0, value, now());
}

/// Ends the ioctl in `element` if the thread is in another one: the end of the former
/// and the entry of the latter were missed.
#[inline(always)]
fn forget_missed(task: u64, element: *mut Calls) {
    // SAFETY: an aligned element of the map; only this thread uses it.
    let calls = unsafe { *element };
    if calls.ioctl_entry != 0 && syscall::is_another_ioctl(calls.ioctl) {
        ioctl_end(task, &calls, END_UNSEEN, 0, now());
        // SAFETY: as above.
        unsafe { element.write(Calls::NONE) };
    }
}

#[inline(always)]
fn ioctl_end(task: u64, calls: &Calls, flags: u8, result: i32, time: u64) {
    let [lost_ring_full, lost_unreadable] = maps::lost();
    let record = IoctlEndRecord {
        kind: KIND_IOCTL_END,
        flags: if calls.sync_ended != 0 {
            flags | END_SYNC
        } else {
            flags
        },
        reserved: 0,
        request: calls.ioctl,
        entry: calls.ioctl_entry,
        time,
        task,
        result,
        failed: calls.failed,
        messages: calls.messages,
        // SAFETY: a helper without arguments.
        cpu: unsafe { bpf_get_smp_processor_id() },
        lost_ring_full,
        lost_unreadable,
        comm: comm(),
    };
    if !copy::end(record) {
        count_lost_return();
    }
}

/// The calls that the thread of `task` is in, to be changed in place: adding an
/// element costs many times as much as finding it.
#[inline(always)]
fn calls(task: u64) -> Option<*mut Calls> {
    let key = thread(task);
    if let Some(element) = CALLS.get_ptr_mut(&key) {
        return Some(element);
    }
    CALLS.insert(&key, &Calls::NONE, 0).ok()?;
    CALLS.get_ptr_mut(&key)
}

/// Entry of `hv_pkt_iter_first`, for programs that see no arguments at the return.
#[inline(always)]
pub fn first_entry<M: Memory>(channel: u64) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
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

/// Return of `hv_pkt_iter_first`, for programs that see the arguments there.
#[inline(always)]
pub fn first_exit<M: Memory>(channel: u64, descriptor: u64) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
        mark_reported(this_thread());
        received::<M>(&channel, descriptor);
    }
}

/// Entry of `__hv_pkt_iter_next`.
///
/// It ends in `hv_pkt_iter_first`, by a call, a jump, or inlined, as the
/// compiler chose. The mark records whether the inner function has reported the packet.
#[inline(always)]
pub fn next_entry<M: Memory>(channel: u64) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
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
fn received<M: Memory>(channel: &DriverChannel, descriptor: u64) {
    if descriptor == 0 {
        return;
    }
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).receives });
    // type, payload offset / 8, length / 8, flags; then the transaction id.
    let Some([words, transaction]) = M::read::<[u64; 2]>(descriptor) else {
        maps::count_unreadable();
        return;
    };
    let offset8 = words >> 16 & 0xffff;
    let length8 = words >> 32 & 0xffff;
    if offset8 < 2 || length8 < offset8 {
        maps::count_unreadable();
        return;
    }
    let mut packet = PacketRecord {
        packet_type: words as u16,
        packet_flags: (words >> 48) as u16,
        transaction,
        length: ((length8 - offset8) * 8) as u32,
        ..header(KIND_RECEIVE, channel, bpf_get_current_pid_tgid(), now())
    };
    copy::packet::<M>(&mut packet, descriptor.wrapping_add(offset8 * 8));
}

/// Entry of `vmbus_open`, for programs that see no arguments at the return.
#[inline(always)]
pub fn open_entry<M: Memory>(channel: u64) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
        // Without room, the channel is seen by its packets alone.
        let _ = OPENS.insert(&this_thread(), &channel, 0);
    }
}

/// Return of `vmbus_open`, after [`open_entry`].
#[inline(always)]
pub fn open_return(value: i32) {
    let key = this_thread();
    if let Some(element) = OPENS.get_ptr(&key) {
        // SAFETY: an aligned element of the map; only this thread uses it.
        let channel = unsafe { *element };
        channel_record(CHANNEL_OPEN, &channel, value);
        let _ = OPENS.remove(&key);
    }
}

/// Return of `vmbus_open`, for programs that still see the arguments.
#[inline(always)]
pub fn open_exit<M: Memory>(channel: u64, value: i32) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
        channel_record(CHANNEL_OPEN, &channel, value);
    }
}

/// Entry of `vmbus_close`.
#[inline(always)]
pub fn close_entry<M: Memory>(channel: u64) {
    if let Some(channel) = DriverChannel::identify::<M>(channel) {
        channel_record(CHANNEL_CLOSE, &channel, 0);
    }
}

/// Entry of `vmbus_onoffer`: a message of the host.
#[inline(always)]
pub fn offer_entry<M: Memory>(message: u64) {
    if let Some(channel) = DriverChannel::offered::<M>(message) {
        channel_record(CHANNEL_OFFER, &channel, 0);
    }
}

/// Entry of `vmbus_onoffer_rescind`: a message of the host, which has nothing
/// but the number of the channel. Whether that is one of the driver's, user
/// space knows.
#[inline(always)]
pub fn rescind_entry<M: Memory>(message: u64) {
    if let Some(relid) = M::read::<u32>(message.wrapping_add(RESCIND_RELID_OFFSET.into())) {
        let channel = DriverChannel {
            address: 0,
            instance: [0; 2],
            relid,
            kind: 0,
        };
        channel_record(CHANNEL_RESCIND, &channel, 0);
    }
}

#[inline(always)]
fn channel_record(event: u8, channel: &DriverChannel, value: i32) {
    let [lost_ring_full, lost_unreadable] = maps::lost();
    let record = ChannelRecord {
        kind: KIND_CHANNEL,
        channel_kind: channel.kind as u8,
        event,
        reserved: 0,
        value,
        time: now(),
        task: bpf_get_current_pid_tgid(),
        instance: channel.instance,
        relid: channel.relid,
        // SAFETY: a helper without arguments.
        cpu: unsafe { bpf_get_smp_processor_id() },
        lost_ring_full,
        lost_unreadable,
        comm: comm(),
    };
    if !copy::end(record) {
        maps::count_ring_full();
    }
}

/// The members of a record that sends and receives have in common.
#[inline(always)]
fn header(kind: u8, channel: &DriverChannel, task: u64, time: u64) -> PacketRecord {
    PacketRecord {
        kind,
        channel_kind: channel.kind as u8,
        packet_type: 0,
        packet_flags: 0,
        view: 0,
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
        ioctl: 0,
        expected: 0,
    }
}

/// Whether sends of this task are captured.
#[inline(always)]
fn wanted(task: u64) -> bool {
    if FILTER_PIDS.load() != 0 && !follow::chosen(task) {
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
    // Some kernels write no more than the name and one NUL.
    let mut comm: Words = [0; 2];
    // SAFETY: the helper writes at most the 16 bytes of the local.
    unsafe { generated::bpf_get_current_comm((&raw mut comm).cast(), 16) };
    comm
}

/// Counts a run of a kprobe or kretprobe.
#[inline(always)]
pub fn count_kprobe() {
    // SAFETY: the member of the struct that the pointer points to.
    count(|counters| unsafe { &raw mut (*counters).kprobes });
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
