//! dxgtrace: traffic capture and protocol analyzer for GPU paravirtualization
//! over VMBus, the protocol between Linux's `dxgkrnl` driver and its Windows host.

#[cfg(target_os = "linux")]
mod bounded;
pub mod capture;
pub mod check;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod cut;
pub mod decode;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod filter;
mod kernel;
pub mod output;
pub mod packet;
pub mod protocol;
pub mod redact;
#[cfg(target_os = "linux")]
pub mod replay;
pub mod report;
pub mod rules;
pub mod session;
pub mod store;
pub mod tui;
