//! Output for captures: text, JSON lines, statistics, generated documents, comparison,
//! cut and redacted copies.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod compare;
pub mod cut;
pub mod export;
pub mod output;
pub mod redact;
pub mod report;
