//! Questions about a capture: the filter language, known-issue rules, and what
//! a status, an errno or a line of the kernel log means.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod capture_filter;
pub mod channels;
pub mod explain;
pub mod filter;
pub mod rules;
