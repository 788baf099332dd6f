//! Traffic capture and protocol analyzer for GPU paravirtualization over VMBus,
//! the protocol between Linux's `dxgkrnl` driver (`/dev/dxg`) and its Windows
//! host.
//!
//! ```no_run
#![doc = include_str!("../examples/findings.rs")]
//! ```
//!
//! * [`open`] reads a capture file: packets, decoded and checked.
//! * [`protocol`] holds the messages, each described once, with a decoder and
//!   an encoder.
//! * [`session`] pairs requests with replies, follows objects, and reports
//!   findings.
//! * [`mod@file`] reads and writes capture files.
//!
//! `latency.rs` and `encode.rs` in `examples/` show more.
//!
//! # Features
//!
//! Programs that embed the library switch the default features off:
//!
//! ```toml
//! dxgtrace = { version = "0.1", default-features = false }
//! ```
//!
//! `cli`, `live` and `tui` belong to the `dxgtrace` program: its command line,
//! live capture on Linux, the terminal UI. They add nothing to this library.
//!
//! # What is stable
//!
//! Before 1.0, a minor version may break what is public. Not expected to change
//! are [`open`], [`Analyzer`] and [`AnalyzedRecord`]; names of messages, fields
//! and [finding codes](session::check::Code::word); [`protocol::encode`]; and
//! the format of capture files. Types of [`protocol::schema`] change with the
//! table. The modules of the program (`cli`, `commands`) and the other crates of
//! the workspace (`query`, `render`, `live`, `tui` ...) are not public API.

mod analyzer;

pub use analyzer::{AnalyzedRecord, Analyzer, open};
pub use dxgtrace_file as file;
pub use dxgtrace_protocol as protocol;
pub use dxgtrace_session as session;
