//! Recordings of the real driver on an emulated VMBus, and their conversion.
//!
//! The unmodified `dxgkrnl` ran in a virtual machine whose VMBus and host were
//! emulated by a kernel module; that module wrote down what it saw as JSON
//! lines. One object a line, ordered by `seq`; the first one has `"ev":"meta"`.
//! The converter reads:
//!
//! * `send` (guest to host, at the entry of `vmbus_sendpacket`) and `recv` (host
//!   to guest, when the packet is handed to the driver): `chan` (`global`,
//!   `vgpuN`), `relid`, `type` (VMBus packet type), `tid` (transaction id),
//!   `flags`, `len` and `hex` (the payload; if `hex_cut` is 1, only its first
//!   bytes). `ret` of a send is what the function returned; -11 means that the
//!   ring was full and nothing was sent. The length of a `send` is exact, that
//!   of a `recv` a multiple of 8.
//! * `open`: a channel was opened; `hex` is its instance GUID as in memory.
//! * `pci_read`: `hex` is a u32 offset and a u32 value; offset 0xD0 is the
//!   interface version.
//! * `ctl`: `text` beginning with `mark run NAME` says what ran from here on,
//!   `mark probes off` and `mark unload` that it is over.
//! * in all: `ts` (CLOCK_MONOTONIC, nanoseconds), `pid`, `tgid`, `comm` and
//!   `cpu` of whoever was running. Of a `recv` that is whoever the interrupt
//!   hit, which says nothing about the packet.

mod convert;
mod event;
mod phases;

pub use convert::{Converted, convert};
pub use event::{Event, read};
pub use phases::{Phase, SHUT_DOWN, START_UP, phases};
