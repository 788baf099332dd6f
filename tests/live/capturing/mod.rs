//! Live captures whatever happens: rings of files, kills, full disks, readers
//! that pause, commands, rights.
//!
//! All of it on the stand-in, which needs the right to load BPF programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod child;
mod disk;
mod endings;
mod flight;
mod pauses;
mod rights;
mod ring;
mod support;
