//! Tools shared by the tests.

pub mod generate;
