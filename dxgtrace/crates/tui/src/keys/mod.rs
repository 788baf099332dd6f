//! The key table: the one list that drives input, the help screen, the
//! configuration file and the reference in `docs/tui.md`.

mod bindings;
mod keymap;
mod stroke;

use super::action::Action;

pub use bindings::FAMILIES;
pub use keymap::Keymap;
pub use stroke::Stroke;

/// An action with its name, default keys and help.
#[derive(Debug)]
pub struct Binding {
    /// The action.
    pub action: Action,
    /// Name of the action in the configuration file and as a `:` command.
    pub name: &'static str,
    /// Default keys, each a sequence of strokes separated by spaces.
    pub keys: &'static [&'static str],
    /// What the action does, for the help.
    pub help: &'static str,
}

/// A group of bindings in the help.
#[derive(Debug)]
pub struct BindingFamily {
    /// Heading of the group.
    pub name: &'static str,
    /// The bindings, in the order of the help.
    pub bindings: &'static [Binding],
}

/// All bindings.
pub fn bindings() -> impl Iterator<Item = &'static Binding> {
    FAMILIES.iter().flat_map(|family| family.bindings)
}

/// The action named `name`.
pub fn by_name(name: &str) -> Option<Action> {
    bindings()
        .find(|binding| binding.name == name)
        .map(|binding| binding.action)
}
