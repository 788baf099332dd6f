//! Copies a packet into the ring.
//!
//! The verifier wants every reservation's size as a constant, so the ring is
//! reserved by size class: the smallest that holds the payload. No scratch
//! memory is involved; the payload goes straight into the ring.

use core::{arch::asm, mem::size_of};

use dxgtrace_ebpf::record::{MAX_PAYLOAD, PacketRecord};

use crate::{
    config::{SNAP_LENGTH, WAKE_SHIFT},
    maps::{self, RECORDS},
    memory::Memory,
};

const BPF_RB_NO_WAKEUP: u64 = 1;
const BPF_RB_FORCE_WAKEUP: u64 = 2;
const BPF_RB_AVAIL_DATA: u64 = 0;

/// What became of a packet. If it is not in the ring, the loss has been counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CopyOutcome {
    /// It is in the ring.
    Written,
    /// The ring had no room.
    RingFull,
    /// Its memory could not be read.
    Unreadable,
}

/// Tries the classes in order and leaves the function with the first that fits.
macro_rules! by_class {
    ($memory:ty, $packet:expr, $payload:expr; $($class:literal)*) => {
        $(
            if $packet.kept <= $class {
                return write::<$memory, $class, { $class + size_of::<PacketRecord>() }>($packet, $payload);
            }
        )*
    };
}

/// Writes `packet` and the payload at the address `payload`, cut to the snap length.
#[inline(always)]
pub fn packet<M: Memory>(packet: &mut PacketRecord, payload: u64) -> CopyOutcome {
    let snap = SNAP_LENGTH.load();
    let limit = if snap < MAX_PAYLOAD {
        snap
    } else {
        MAX_PAYLOAD
    };
    packet.kept = if packet.length < limit {
        packet.length
    } else {
        limit
    };
    by_class!(M, packet, payload; 128 256 512 1024 2048 4096 8192 16384 32768 65536);
    write::<M, { MAX_PAYLOAD as usize }, { MAX_PAYLOAD as usize + size_of::<PacketRecord>() }>(
        packet, payload,
    )
}

/// Writes a record without payload. Returns false if the ring is full.
#[inline(always)]
pub fn end<T: Copy>(record: T) -> bool {
    let Some(mut entry) = RECORDS.reserve_bytes(size_of::<T>(), 0) else {
        return false;
    };
    // SAFETY: the ring's entries are 8-byte aligned and this one has the size
    // of the record.
    unsafe { entry.as_mut_ptr().cast::<T>().write(record) };
    entry.submit(wake_up(size_of::<T>() as u64));
    true
}

#[inline(always)]
fn write<M: Memory, const CLASS: usize, const SIZE: usize>(
    packet: &PacketRecord,
    payload: u64,
) -> CopyOutcome {
    let Some(mut entry) = RECORDS.reserve_bytes(SIZE, 0) else {
        maps::count_ring_full();
        return CopyOutcome::RingFull;
    };
    let target = entry.as_mut_ptr();
    let [lost_ring_full, lost_unreadable] = maps::lost();
    let mut kept: u64 = packet.kept.into();
    // The compiler knows from the caller that `kept` fits and would drop the
    // check below; the verifier wants to see it right before the copy.
    // SAFETY: no instruction, only an unknown value for the compiler.
    unsafe { asm!("/* {0} */", inout(reg) kept) };
    if kept > CLASS as u64 {
        kept = CLASS as u64;
    }
    // SAFETY: `target` is valid for `SIZE` bytes and 8-byte aligned; the
    // payload goes behind the header and is at most `CLASS` = `SIZE` - header
    // bytes long.
    let copied = unsafe {
        target.cast::<PacketRecord>().write(PacketRecord {
            lost_ring_full,
            lost_unreadable,
            ..*packet
        });
        M::copy(target.add(size_of::<PacketRecord>()), kept as u32, payload)
    };
    if !copied && kept > 0 {
        maps::count_unreadable();
        entry.discard(BPF_RB_NO_WAKEUP);
        return CopyOutcome::Unreadable;
    }
    entry.submit(wake_up(SIZE as u64));
    CopyOutcome::Written
}

/// Whether to wake the reader: each time the unread bytes pass a multiple of
/// `1 << WAKE_SHIFT`. The reader polls the ring as well. A wake-up for each record
/// would cost many times the copy.
#[inline(always)]
fn wake_up(added: u64) -> u64 {
    let unread = RECORDS.query(BPF_RB_AVAIL_DATA);
    let shift = WAKE_SHIFT.load();
    if unread >> (shift & 63) == unread.saturating_sub(added) >> (shift & 63) {
        BPF_RB_NO_WAKEUP
    } else {
        BPF_RB_FORCE_WAKEUP
    }
}
