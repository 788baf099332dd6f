//! The commands: one module for each, with its arguments.

pub mod arguments;
pub mod check;
pub mod cut;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod export;
mod failure;
mod input;
mod known_issues;
#[cfg_attr(not(live), path = "without_live.rs")]
pub mod live;
pub mod live_arguments;
pub mod manual;
pub mod output;
mod pipeline;
pub mod read;
pub mod report;
mod rules;
mod show_output;
pub mod stat;
pub mod top;
#[cfg_attr(not(feature = "tui"), path = "without_tui.rs")]
pub mod tui;
mod walk;
mod wireshark;

pub use failure::{Exit, Failure};
