//! Key strokes: parsed from their names, and made from terminal events.

use std::fmt::{self, Display};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key pressed once, with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// Names of keys that are not single characters.
const NAMED: &[(&str, KeyCode)] = &[
    ("down", KeyCode::Down),
    ("up", KeyCode::Up),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgdn", KeyCode::PageDown),
    ("pgup", KeyCode::PageUp),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("space", KeyCode::Char(' ')),
];

impl Stroke {
    /// The stroke of a terminal event.
    pub fn of(event: &KeyEvent) -> Self {
        Self {
            code: event.code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// Parses the name of a stroke: `j`, `G`, `ctrl-w`, `alt-x`, `f5`, `pgdn`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let (mut ctrl, mut alt) = (false, false);
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-") {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest);
        let function = rest
            .strip_prefix('f')
            .and_then(|number| number.parse().ok())
            .filter(|number| (1..=24).contains(number));
        let mut letters = rest.chars();
        let code = match (named, function, letters.next(), letters.next()) {
            (Some((_, code)), ..) => *code,
            (_, Some(number), ..) => KeyCode::F(number),
            (_, _, Some(letter), None) => KeyCode::Char(letter),
            _ => return None,
        };
        Some(Self { code, ctrl, alt })
    }

    /// The terminal event of the stroke.
    pub fn event(&self) -> KeyEvent {
        let mut modifiers = KeyModifiers::NONE;
        modifiers.set(KeyModifiers::CONTROL, self.ctrl);
        modifiers.set(KeyModifiers::ALT, self.alt);
        KeyEvent::new(self.code, modifiers)
    }

    /// The character that the stroke types; `None` with ctrl or alt.
    pub fn letter(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(letter) if !self.ctrl && !self.alt => Some(letter),
            _ => None,
        }
    }
}

impl Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        let named = NAMED.iter().find(|(_, code)| *code == self.code);
        match (named, self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(letter)) => write!(f, "{letter}"),
            (None, KeyCode::F(number)) => write!(f, "f{number}"),
            (None, other) => write!(f, "{other}"),
        }
    }
}

/// Parses a sequence of strokes separated by spaces.
pub(super) fn sequence(text: &str) -> Option<Vec<Stroke>> {
    let strokes: Option<Vec<_>> = text.split_whitespace().map(Stroke::parse).collect();
    strokes.filter(|strokes| !strokes.is_empty())
}
