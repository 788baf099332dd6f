//! dxgtrace: traffic capture and protocol analyzer for GPU paravirtualization
//! over VMBus, the protocol between Linux's `dxgkrnl` driver and its Windows host.

pub mod capture;
pub mod check;
pub mod decode;
pub mod export;
pub mod packet;
pub mod protocol;
