//! Settings that the loader writes before the programs are verified.
//!
//! The verifier knows these values, so a switched-off feature is dead code.

use aya_ebpf::Global;
use dxgtrace_ebpf::record;

/// Offset of the interface type in `struct vmbus_channel`.
#[unsafe(no_mangle)]
pub static IF_TYPE_OFFSET: Global<u32> = Global::new(record::IF_TYPE_OFFSET);
/// Offset of the channel number in `struct vmbus_channel`.
#[unsafe(no_mangle)]
pub static RELID_OFFSET: Global<u32> = Global::new(record::RELID_OFFSET);
/// Bytes of each payload that are copied, at most.
#[unsafe(no_mangle)]
pub static SNAP_LENGTH: Global<u32> = Global::new(record::MAX_PAYLOAD);
/// Not 0: only sends of the thread groups in the map `PIDS`.
#[unsafe(no_mangle)]
pub static FILTER_PIDS: Global<u32> = Global::new(0);
/// Not 0: only sends of tasks with the name `COMM`.
#[unsafe(no_mangle)]
pub static FILTER_COMM: Global<u32> = Global::new(0);
/// First half of the task name of `FILTER_COMM`, as in memory.
#[unsafe(no_mangle)]
pub static COMM_LOW: Global<u64> = Global::new(0);
/// Second half.
#[unsafe(no_mangle)]
pub static COMM_HIGH: Global<u64> = Global::new(0);
/// Binary logarithm of the unread bytes per wake-up of the reader.
#[unsafe(no_mangle)]
pub static WAKE_SHIFT: Global<u32> = Global::new(21);
/// Not 0: programs can read the registers of a thread (since Linux 5.15), and the
/// ioctls are those of the kernel's driver.
#[unsafe(no_mangle)]
pub static TASK_REGISTERS: Global<u32> = Global::new(0);
/// Offset of `tgid` in `struct task_struct`, to follow children.
#[unsafe(no_mangle)]
pub static TGID_OFFSET: Global<u32> = Global::new(0);
/// Offset of `pid` in `struct task_struct`.
#[unsafe(no_mangle)]
pub static PID_OFFSET: Global<u32> = Global::new(0);
/// Device of the tracer's PID namespace.
#[unsafe(no_mangle)]
pub static NAMESPACE_DEVICE: Global<u64> = Global::new(0);
/// Inode of that namespace, or 0 if it is the initial one, whose numbers are the
/// kernel's own.
#[unsafe(no_mangle)]
pub static NAMESPACE_INODE: Global<u64> = Global::new(0);
