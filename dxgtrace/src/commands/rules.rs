//! The rules that a command works with: shipped, the user's, and those of the
//! command line.

use super::Failure;
use super::arguments::RulesArgs;
use dxgtrace_query::rules::{Rules, user_folder};

/// Loads them, later ones in the place of earlier ones of the same name.
pub fn load(args: &RulesArgs) -> Result<Rules, Failure> {
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
