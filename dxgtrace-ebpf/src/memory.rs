//! Reads memory of the traced kernel or process.

use core::{
    ffi::c_void,
    mem::{MaybeUninit, size_of},
};

use aya_ebpf::helpers::generated;

/// An address space that a hook's pointers point into.
pub trait Memory {
    /// Copies `length` bytes from `source` to `target`. Returns false if they cannot be
    /// read.
    ///
    /// # Safety
    ///
    /// `target` must be valid for `length` bytes of writing.
    unsafe fn copy(target: *mut u8, length: u32, source: u64) -> bool;

    /// Reads one value.
    #[inline(always)]
    fn read<T: Plain>(source: u64) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the target is a local of just this size, any bytes make a
        // valid `Plain`, and it is only taken after a complete read.
        unsafe {
            if Self::copy(value.as_mut_ptr().cast(), size_of::<T>() as u32, source) {
                Some(value.assume_init())
            } else {
                None
            }
        }
    }
}

/// Types for which any bytes are a valid value.
///
/// # Safety
///
/// Every bit pattern must be valid for the type.
pub unsafe trait Plain {}
// SAFETY: integers and arrays of them take any bits.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u8; N] {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u64; N] {}

/// Kernel memory: the driver itself is traced.
pub struct Kernel;

impl Memory for Kernel {
    #[inline(always)]
    unsafe fn copy(target: *mut u8, length: u32, source: u64) -> bool {
        // SAFETY: the caller vouches for the target; the helper checks the source.
        unsafe {
            generated::bpf_probe_read_kernel(target.cast(), length, source as *const c_void) == 0
        }
    }
}

/// User memory: a stand-in process is traced.
pub struct User;

impl Memory for User {
    #[inline(always)]
    unsafe fn copy(target: *mut u8, length: u32, source: u64) -> bool {
        // SAFETY: as for `Kernel`.
        unsafe {
            generated::bpf_probe_read_user(target.cast(), length, source as *const c_void) == 0
        }
    }
}
