//! The probe: one program per hook and kind of attachment.
//!
//! The logic is in `hooks`; here it meets the ways in which arguments and
//! return values arrive. `k_` are kprobes, `f_` fentry and fexit, `u_` uprobes.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![allow(
    unsafe_code,
    reason = "BPF programs work on raw pointers; each block says why it is sound"
)]

mod channel;
mod config;
mod copy;
mod follow;
mod hooks;
mod maps;
mod memory;
mod syscall;

use aya_ebpf::{
    macros::{fentry, fexit, kprobe, kretprobe, raw_tracepoint, uprobe, uretprobe},
    programs::{FEntryContext, FExitContext, ProbeContext, RawTracePointContext, RetProbeContext},
};

use crate::{
    hooks::Send,
    memory::{Kernel, User},
};

/// Lets the kernel lend the helpers that it lends to GPL-compatible programs.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
pub static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[kprobe]
fn k_send_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::send_entry::<Kernel>(&send(&context));
    0
}

#[kretprobe]
fn k_send_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::send_return(context.ret());
    0
}

#[kprobe]
fn k_first_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::first_entry::<Kernel>(argument(&context, 0));
    0
}

#[kretprobe]
fn k_first_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::first_return::<Kernel>(context.ret());
    0
}

#[kprobe]
fn k_next_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::next_entry::<Kernel>(argument(&context, 0));
    0
}

#[kretprobe]
fn k_next_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::next_return::<Kernel>(context.ret());
    0
}

#[kprobe]
fn k_sync_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::sync_entry(argument(&context, 4) as u32);
    0
}

#[kretprobe]
fn k_sync_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::sync_return(context.ret());
    0
}

#[kprobe]
fn k_ioctl_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::ioctl_entry(argument(&context, 1) as u32);
    0
}

#[kretprobe]
fn k_ioctl_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::ioctl_return(context.ret());
    0
}

#[kprobe]
fn k_open_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::open_entry::<Kernel>(argument(&context, 0));
    0
}

#[kretprobe]
fn k_open_return(context: RetProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::open_return(context.ret());
    0
}

#[kprobe]
fn k_close_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::close_entry::<Kernel>(argument(&context, 0));
    0
}

#[kprobe]
fn k_offer_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::offer_entry::<Kernel>(argument(&context, 0));
    0
}

#[kprobe]
fn k_rescind_entry(context: ProbeContext) -> u32 {
    hooks::count_kprobe();
    hooks::rescind_entry::<Kernel>(argument(&context, 0));
    0
}

#[uprobe]
fn u_send_entry(context: ProbeContext) -> u32 {
    hooks::send_entry::<User>(&send(&context));
    0
}

#[uretprobe]
fn u_send_return(context: RetProbeContext) -> u32 {
    hooks::send_return(context.ret());
    0
}

#[uprobe]
fn u_first_entry(context: ProbeContext) -> u32 {
    hooks::first_entry::<User>(argument(&context, 0));
    0
}

#[uretprobe]
fn u_first_return(context: RetProbeContext) -> u32 {
    hooks::first_return::<User>(context.ret());
    0
}

#[uprobe]
fn u_next_entry(context: ProbeContext) -> u32 {
    hooks::next_entry::<User>(argument(&context, 0));
    0
}

#[uretprobe]
fn u_next_return(context: RetProbeContext) -> u32 {
    hooks::next_return::<User>(context.ret());
    0
}

#[uprobe]
fn u_sync_entry(context: ProbeContext) -> u32 {
    hooks::sync_entry(argument(&context, 4) as u32);
    0
}

#[uretprobe]
fn u_sync_return(context: RetProbeContext) -> u32 {
    hooks::sync_return(context.ret());
    0
}

#[uprobe]
fn u_ioctl_entry(context: ProbeContext) -> u32 {
    hooks::ioctl_entry(argument(&context, 1) as u32);
    0
}

#[uretprobe]
fn u_ioctl_return(context: RetProbeContext) -> u32 {
    hooks::ioctl_return(context.ret());
    0
}

#[uprobe]
fn u_open_entry(context: ProbeContext) -> u32 {
    hooks::open_entry::<User>(argument(&context, 0));
    0
}

#[uretprobe]
fn u_open_return(context: RetProbeContext) -> u32 {
    hooks::open_return(context.ret());
    0
}

#[uprobe]
fn u_close_entry(context: ProbeContext) -> u32 {
    hooks::close_entry::<User>(argument(&context, 0));
    0
}

#[uprobe]
fn u_offer_entry(context: ProbeContext) -> u32 {
    hooks::offer_entry::<User>(argument(&context, 0));
    0
}

#[uprobe]
fn u_rescind_entry(context: ProbeContext) -> u32 {
    hooks::rescind_entry::<User>(argument(&context, 0));
    0
}

#[fentry]
fn f_send_entry(context: FEntryContext) -> i32 {
    hooks::send_entry::<Kernel>(&Send {
        channel: context.arg(0),
        buffer: context.arg(1),
        length: context.arg(2),
        transaction: context.arg(3),
        packet_type: context.arg(4),
        flags: context.arg(5),
    });
    0
}

// The return value follows the arguments: `FExitContext::ret` asks a helper
// that kernels before 5.17 do not have.

#[fexit]
fn f_send_return(context: FExitContext) -> i32 {
    hooks::send_return(context.arg(6));
    0
}

#[fexit]
fn f_first_return(context: FExitContext) -> i32 {
    hooks::first_exit::<Kernel>(context.arg(0), context.arg(1));
    0
}

#[fentry]
fn f_next_entry(context: FEntryContext) -> i32 {
    hooks::next_entry::<Kernel>(context.arg(0));
    0
}

#[fexit]
fn f_next_return2(context: FExitContext) -> i32 {
    hooks::next_return::<Kernel>(context.arg(2));
    0
}

/// For Linux 5.15, where `__hv_pkt_iter_next` has a third parameter. The
/// verifier refuses this program where there is none.
#[fexit]
fn f_next_return3(context: FExitContext) -> i32 {
    hooks::next_return::<Kernel>(context.arg(3));
    0
}

#[fentry]
fn f_sync_entry(context: FEntryContext) -> i32 {
    hooks::sync_entry(context.arg(4));
    0
}

#[fexit]
fn f_sync_return(context: FExitContext) -> i32 {
    hooks::sync_return(context.arg(5));
    0
}

#[fentry]
fn f_ioctl_entry(context: FEntryContext) -> i32 {
    hooks::ioctl_entry(context.arg(1));
    0
}

#[fexit]
fn f_ioctl_return(context: FExitContext) -> i32 {
    hooks::ioctl_return(context.arg(3));
    0
}

/// Kernels before 6.6 cannot attach to a function with so many parameters.
#[fexit]
fn f_open_return(context: FExitContext) -> i32 {
    hooks::open_exit::<Kernel>(context.arg(0), context.arg(7));
    0
}

#[fentry]
fn f_close_entry(context: FEntryContext) -> i32 {
    hooks::close_entry::<Kernel>(context.arg(0));
    0
}

#[fentry]
fn f_offer_entry(context: FEntryContext) -> i32 {
    hooks::offer_entry::<Kernel>(context.arg(0));
    0
}

#[fentry]
fn f_rescind_entry(context: FEntryContext) -> i32 {
    hooks::rescind_entry::<Kernel>(context.arg(0));
    0
}

/// `sched_process_fork`: parent, child.
#[raw_tracepoint]
fn t_fork(context: RawTracePointContext) -> i32 {
    follow::forked(context.arg(1));
    0
}

/// `sched_process_free`: the task.
#[raw_tracepoint]
fn t_free(context: RawTracePointContext) -> i32 {
    follow::freed(context.arg(0));
    0
}

#[inline(always)]
fn send(context: &ProbeContext) -> Send {
    Send {
        channel: argument(context, 0),
        buffer: argument(context, 1),
        length: argument(context, 2) as u32,
        transaction: argument(context, 3),
        packet_type: argument(context, 4) as u32,
        flags: argument(context, 5) as u32,
    }
}

/// All six arguments are in registers, so none is ever missing.
#[inline(always)]
fn argument(context: &ProbeContext, index: usize) -> u64 {
    context.arg(index).unwrap_or(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
