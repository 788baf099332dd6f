//! The system call that a thread is in.
//!
//! Kprobes miss calls, above all where another program asks a BPF map and is
//! preempted meanwhile. What was noted at the entry of an ioctl may then belong
//! to the one before; the registers that the kernel keeps of the thread tell.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};

use crate::{
    config::TASK_REGISTERS,
    memory::{Kernel, Memory},
};

/// Where `struct pt_regs` of x86-64 has the second argument, and two words on
/// the number of the call, which for `ioctl` is 16.
#[cfg(bpf_target_arch = "x86_64")]
const LAYOUT: RegisterLayout<3> = RegisterLayout {
    request_at: 104,
    ioctl: 16,
};

/// The same of arm64: registers 1 and 8; `ioctl` is 29.
#[cfg(bpf_target_arch = "aarch64")]
const LAYOUT: RegisterLayout<8> = RegisterLayout {
    request_at: 8,
    ioctl: 29,
};

/// Where the registers stand of which the first is the request and the last of
/// `N` is the number of the call.
struct RegisterLayout<const N: usize> {
    request_at: u64,
    ioctl: u64,
}

impl<const N: usize> RegisterLayout<N> {
    #[inline(always)]
    fn request(&self) -> Option<u32> {
        // SAFETY: helpers that every kernel has with which the loader lets this
        // run; the first gives a task, which the second takes.
        let registers = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as u64;
        let words = Kernel::read::<[u64; N]>(registers.wrapping_add(self.request_at))?;
        (words[N - 1] == self.ioctl).then_some(words[0] as u32)
    }
}

/// Whether the running thread is for certain not in an ioctl of that number.
#[inline(always)]
pub fn is_another_ioctl(request: u32) -> bool {
    TASK_REGISTERS.load() != 0 && LAYOUT.request().is_some_and(|of_now| of_now != request)
}
