//! The filter language, known-issue rules, and explanations of statuses, errnos
//! and kernel log lines.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod capture_filter;
pub mod channels;
pub mod explain;
pub mod filter;
pub mod rules;
