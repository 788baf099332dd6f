//! Tools shared by the tests.

pub mod exercise;
pub mod generate;
