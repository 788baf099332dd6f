//! The filter language and the columns, over generated packets.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail as tests do"
)]

mod columns;
mod documentation;
mod language;
mod names;
mod random;
mod support;
