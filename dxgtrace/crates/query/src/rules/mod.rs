//! Known issues, as data: what they look like in a capture and in the kernel
//! log, and whether they are harmless.
//!
//! Rules are TOML files: the ones in `rules/` are part of the program, and
//! users add their own. [`Rules`] holds them, [`Watch`] follows a capture.

mod error;
mod file;
mod load;
mod matcher;
mod page;
mod watch;

pub use error::RuleError;
pub use file::{LogPattern, Rule, Scope, Verdict};
pub use load::{Rules, SHIPPED, user_folder};
pub use page::page;
pub use watch::{Match, Watch};
