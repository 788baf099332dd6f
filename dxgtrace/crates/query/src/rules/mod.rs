//! Known issues as data: how to recognise them in a capture and in the kernel
//! log, and whether they are harmless.
//!
//! Rules are TOML files: those in `rules/` are part of the program, and users
//! can add more. [`Rules`] holds them, and [`RuleRun`] applies them to a
//! capture.

mod error;
mod file;
mod load;
mod matcher;
mod page;
mod rule_run;

pub use error::RuleError;
pub use file::{LogPattern, Rule, RuleScope, RuleVerdict};
pub use load::{Rules, SHIPPED, user_folder};
pub use page::markdown_page;
pub use rule_run::{RuleMatch, RuleRun};
