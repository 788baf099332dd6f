//! dxgtrace: traffic capture and protocol analyzer for GPU paravirtualization
//! over VMBus, the protocol between Linux's `dxgkrnl` driver and its Windows host.

#[cfg(target_os = "linux")]
mod bounded;
pub mod capture;
pub mod check;
pub mod cli;
pub mod commands;
pub mod decode;
pub mod export;
pub mod filter;
pub mod output;
pub mod packet;
pub mod protocol;
#[cfg(target_os = "linux")]
pub mod replay;
pub mod session;
pub mod store;
pub mod tui;
