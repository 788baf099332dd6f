//! dxgtrace: traffic capture and protocol analyzer for GPU paravirtualization
//! over VMBus, the protocol between Linux's `dxgkrnl` driver and its Windows host.

pub use dxgtrace_file as file;
pub use dxgtrace_protocol as protocol;
pub use dxgtrace_session as session;
