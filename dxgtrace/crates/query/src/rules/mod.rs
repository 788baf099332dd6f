//! Known issues, as data: what they look like in a capture and in the kernel
//! log, and whether they are harmless.
//!
//! Rules are TOML files: the ones in `rules/` are part of the program, and
//! users add their own. [`Rules`] holds them, [`RuleRun`] follows a capture.

mod error;
mod file;
mod load;
mod matcher;
mod page;
mod rule_run;

pub use error::RuleError;
pub use file::{LogPattern, Rule, RuleScope, RuleVerdict};
pub use load::{Rules, SHIPPED, user_folder};
pub use page::page;
pub use rule_run::{RuleMatch, RuleRun};
