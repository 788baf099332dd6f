//! The key table: the one list that drives input, the help screen, the
//! configuration file and the reference in `docs/tui.md`.

mod keymap;
mod stroke;
mod table;

use super::action::Action;

pub use keymap::Keymap;
pub use stroke::Stroke;
pub use table::FAMILIES;

/// An action with its name, its keys and what it does.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Name in the configuration file and on the command line.
    pub name: &'static str,
    /// Keys, each a sequence of strokes with spaces between.
    pub keys: &'static [&'static str],
    /// What it does, for the help.
    pub help: &'static str,
}

/// Bindings that belong together in the help.
#[derive(Debug)]
pub struct BindingFamily {
    /// Heading.
    pub name: &'static str,
    /// The bindings.
    pub bindings: &'static [Binding],
}

/// Every binding.
pub fn bindings() -> impl Iterator<Item = &'static Binding> {
    FAMILIES.iter().flat_map(|family| family.bindings)
}

/// The action of that name.
pub fn by_name(name: &str) -> Option<Action> {
    bindings()
        .find(|binding| binding.name == name)
        .map(|binding| binding.action)
}
