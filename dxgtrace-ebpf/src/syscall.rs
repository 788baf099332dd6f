//! Reads the system call that a thread is in.
//!
//! Kprobes miss calls, most often where another program accesses a BPF map and is
//! preempted meanwhile. The ioctl that was stored at an entry may then be an earlier
//! one. The registers that the kernel has saved for the thread show the current one.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};

use crate::{
    config::TASK_REGISTERS,
    memory::{Kernel, Memory},
};

/// `struct pt_regs` of x86-64: offset of the second argument, two words before the
/// number of the system call, which is 16 for `ioctl`.
#[cfg(bpf_target_arch = "x86_64")]
const LAYOUT: RegisterLayout<3> = RegisterLayout {
    request_at: 104,
    ioctl: 16,
};

/// `struct user_pt_regs` of arm64: registers 1 and 8; `ioctl` is 29.
#[cfg(bpf_target_arch = "aarch64")]
const LAYOUT: RegisterLayout<8> = RegisterLayout {
    request_at: 8,
    ioctl: 29,
};

/// `N` consecutive registers: the first is the ioctl's request, the last the number of
/// the system call.
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

/// Whether the running thread is known to be in another ioctl than `request`.
#[inline(always)]
pub fn is_another_ioctl(request: u32) -> bool {
    TASK_REGISTERS.load() != 0 && LAYOUT.request().is_some_and(|of_now| of_now != request)
}
