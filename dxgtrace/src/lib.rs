//! dxgtrace: traffic capture and protocol analyzer for GPU paravirtualization
//! over VMBus, the protocol between Linux's `dxgkrnl` driver and its Windows host.

#[cfg(target_os = "linux")]
mod bounded;
pub mod capture;
pub mod packet;
#[cfg(target_os = "linux")]
pub mod replay;
