//! The compiled probe, one object per architecture.
//!
//! The objects are checked in, so that building this crate needs no BPF
//! toolchain. `make probe` rebuilds them.

/// The probe for this machine.
#[cfg(target_arch = "x86_64")]
pub(super) static PROBE: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/probe/dxgtrace-x86_64.bpf.o"
)));

/// The probe for this machine.
#[cfg(target_arch = "aarch64")]
pub(super) static PROBE: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/probe/dxgtrace-aarch64.bpf.o"
)));

/// No probe: the driver exists on the two architectures above only.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) static PROBE: Option<&[u8]> = None;
