//! Loads the known-issue rules: the built-in ones, the user's, and those of the
//! command line.

use super::Failure;
use super::arguments::RulesArgs;
use dxgtrace_query::rules::{Rules, user_folder};

/// Loads all rules. A rule replaces an earlier one of the same name.
pub fn load_rules(args: &RulesArgs) -> Result<Rules, Failure> {
    let wrong = |error: dxgtrace_query::rules::RuleError| Failure::Input(error.to_string());
    let mut rules = Rules::shipped().map_err(wrong)?;
    if let Some(folder) = user_folder().filter(|folder| folder.is_dir()) {
        rules.add_folder(&folder).map_err(wrong)?;
    }
    for folder in &args.folders {
        rules.add_folder(folder).map_err(wrong)?;
    }
    Ok(rules)
}
