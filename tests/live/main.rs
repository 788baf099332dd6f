//! Tests that attach the probe, which needs the right to load BPF programs.
#![cfg(target_os = "linux")]

mod capturing;
mod end_to_end;
mod live;
mod stripped;
