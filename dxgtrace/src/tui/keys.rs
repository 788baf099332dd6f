//! The key table: the one list that drives input, the help screen, the
//! configuration file and the reference in `docs/tui.md`.

use std::fmt::{self, Display};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Request};

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
pub struct Family {
    /// Heading.
    pub name: &'static str,
    /// The bindings.
    pub bindings: &'static [Binding],
}

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> Binding {
    Binding {
        action,
        name,
        keys,
        help,
    }
}

/// Every key.
pub static FAMILIES: &[Family] = &[
    Family {
        name: "Moving",
        bindings: &[
            bind(
                Action::Down,
                "down",
                &["j", "down"],
                "down (5j: five lines)",
            ),
            bind(Action::Up, "up", &["k", "up"], "up"),
            bind(
                Action::Left,
                "left",
                &["h", "left"],
                "fold the branch, or a byte to the left",
            ),
            bind(
                Action::Right,
                "right",
                &["l", "right"],
                "unfold the branch, or a byte to the right",
            ),
            bind(Action::PageDown, "page-down", &["pgdn"], "a page down"),
            bind(Action::PageUp, "page-up", &["pgup"], "a page up"),
            bind(
                Action::HalfDown,
                "half-down",
                &["ctrl-d"],
                "half a page down",
            ),
            bind(Action::HalfUp, "half-up", &["ctrl-u"], "half a page up"),
            bind(
                Action::Top,
                "top",
                &["g g", "home"],
                "first line (50gg: packet 50)",
            ),
            bind(Action::Bottom, "bottom", &["G"], "last line"),
            bind(
                Action::Follow,
                "follow",
                &["F", "end"],
                "last line, and stay at the newest packet",
            ),
            bind(
                Action::Pause,
                "pause",
                &["space"],
                "stop or resume adding packets to the list",
            ),
            bind(
                Action::NextInExchange,
                "next-in-exchange",
                &["]"],
                "the reply of this request",
            ),
            bind(
                Action::PreviousInExchange,
                "previous-in-exchange",
                &["["],
                "the request of this reply",
            ),
            bind(
                Action::NextFinding,
                "next-finding",
                &["}"],
                "next packet with a finding",
            ),
            bind(
                Action::PreviousFinding,
                "previous-finding",
                &["{"],
                "previous packet with a finding",
            ),
            bind(
                Action::SetPlace,
                "set-place",
                &["m"],
                "ma: call this packet a",
            ),
            bind(
                Action::GoToPlace,
                "go-to-place",
                &["'"],
                "'a: go to packet a; '': where you were",
            ),
        ],
    },
    Family {
        name: "Panes",
        bindings: &[
            bind(
                Action::NextPane,
                "next-pane",
                &["tab", "ctrl-w ctrl-w", "ctrl-w w"],
                "next pane: list, tree, bytes",
            ),
            bind(
                Action::PreviousPane,
                "previous-pane",
                &["shift-tab"],
                "previous pane",
            ),
            bind(
                Action::Zoom,
                "zoom",
                &["\\"],
                "this pane alone, or all again",
            ),
            bind(
                Action::Arrange,
                "arrange",
                &["|"],
                "tree and bytes side by side, stacked, or hidden",
            ),
            bind(
                Action::Grow,
                "grow",
                &["+"],
                "larger list (findings: only worse ones)",
            ),
            bind(
                Action::Shrink,
                "shrink",
                &["-"],
                "smaller list (findings: milder ones too)",
            ),
            bind(
                Action::Open,
                "open",
                &["enter"],
                "open: the tree, a branch, a finding, a ladder",
            ),
            bind(
                Action::Back,
                "back",
                &["esc", "q"],
                "back; from the packets: quit",
            ),
            bind(
                Action::Exchanges,
                "exchanges",
                &["v"],
                "replies joined with their requests, or lines of their own",
            ),
        ],
    },
    Family {
        name: "Finding",
        bindings: &[
            bind(
                Action::Filter,
                "filter",
                &["/"],
                "filter; Tab completes, Enter applies",
            ),
            bind(
                Action::FilterField,
                "filter-field",
                &["="],
                "filter by the field under the cursor",
            ),
            bind(
                Action::FilterAlso,
                "filter-also",
                &["&"],
                "and by this field too",
            ),
            bind(
                Action::FilterClear,
                "filter-clear",
                &["backspace"],
                "show all packets again",
            ),
            bind(
                Action::Search,
                "search",
                &["ctrl-f"],
                "search; Tab: in list, tree or bytes",
            ),
            bind(Action::NextMatch, "next-match", &["n"], "next match"),
            bind(
                Action::PreviousMatch,
                "previous-match",
                &["N"],
                "previous match",
            ),
        ],
    },
    Family {
        name: "Views",
        bindings: &[
            bind(Action::Packets, "packets", &["P"], "packets"),
            bind(Action::Findings, "findings", &["e"], "findings"),
            bind(
                Action::Objects,
                "sessions",
                &["s"],
                "processes and their objects, as of this packet",
            ),
            bind(
                Action::Pending,
                "pending",
                &["p"],
                "requests without a reply, as of this packet",
            ),
            bind(
                Action::TopView,
                "top-view",
                &["t"],
                "counts and latencies per process and adapter",
            ),
            bind(
                Action::Ladder,
                "ladder",
                &["x"],
                "ladder of this packet's process",
            ),
            bind(Action::Help, "help", &["?"], "these keys"),
        ],
    },
    Family {
        name: "Doing",
        bindings: &[
            bind(
                Action::Mark,
                "mark",
                &["M"],
                "mark this packet for :save marked",
            ),
            bind(Action::Copy, "copy", &["y"], "copy this line"),
            bind(Action::Time, "time", &["w"], "next time format"),
            bind(Action::Theme, "theme", &["T"], "next theme"),
            bind(
                Action::Command,
                "command",
                &[":"],
                "type a command (:help lists them)",
            ),
            bind(
                Action::Redraw,
                "redraw",
                &["ctrl-l"],
                "draw the screen anew",
            ),
            bind(
                Action::Suspend,
                "suspend",
                &["ctrl-z"],
                "back to the shell until `fg`",
            ),
            bind(Action::Quit, "quit", &["ctrl-c", "Z Z"], "quit"),
            bind(Action::QuitNow, "quit-now", &["Z Q"], "quit without asking"),
        ],
    },
];

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

/// One stroke of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// Keys with a name; everything else is its own character.
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
    /// The stroke that a key event is.
    pub fn of(event: &KeyEvent) -> Self {
        Self {
            code: event.code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// The stroke with that name: `j`, `G`, `ctrl-w`, `alt-x`, `f5`, `pgdn`.
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

    /// The event that a terminal sends for it.
    pub fn event(&self) -> KeyEvent {
        let mut modifiers = KeyModifiers::NONE;
        modifiers.set(KeyModifiers::CONTROL, self.ctrl);
        modifiers.set(KeyModifiers::ALT, self.alt);
        KeyEvent::new(self.code, modifiers)
    }

    /// The character that it types.
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

/// Strokes in a row.
fn sequence(text: &str) -> Option<Vec<Stroke>> {
    let strokes: Option<Vec<_>> = text.split_whitespace().map(Stroke::parse).collect();
    strokes.filter(|strokes| !strokes.is_empty())
}

/// Understands strokes, with what the configuration changed.
#[derive(Debug)]
pub struct Keymap {
    sequences: Vec<(Vec<Stroke>, Action)>,
    typed: Vec<Stroke>,
    count: Option<u32>,
    waits: Option<Action>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = bindings().flat_map(|binding| {
            let action = binding.action;
            binding.keys.iter().map(move |keys| (*keys, action))
        });
        Self {
            sequences: keys
                .filter_map(|(keys, action)| Some((sequence(keys)?, action)))
                .collect(),
            typed: Vec::new(),
            count: None,
            waits: None,
        }
    }
}

impl Keymap {
    /// Gives an action other keys. The keys are taken from whatever had them.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn rebind(&mut self, name: &str, keys: &[String]) -> Result<(), String> {
        let action = by_name(name).ok_or_else(|| format!("there is no action `{name}`"))?;
        self.sequences.retain(|(_, bound)| *bound != action);
        for text in keys {
            let strokes = sequence(text)
                .ok_or_else(|| format!("`{text}` is no key; keys are such as j, ctrl-w w, pgdn"))?;
            self.sequences.retain(|(other, _)| {
                !other.starts_with(&strokes) && !strokes.starts_with(other.as_slice())
            });
            self.sequences.push((strokes, action));
        }
        Ok(())
    }

    /// Takes a stroke, and says what it asks for, if that is clear by now.
    pub fn press(&mut self, stroke: Stroke) -> Option<Request> {
        if let Some(action) = self.waits.take() {
            let count = self.count.take();
            return stroke.letter().map(|letter| Request {
                action,
                count,
                letter: Some(letter),
            });
        }
        if self.typed.is_empty()
            && let Some(digit) = stroke.letter().and_then(|letter| letter.to_digit(10))
            && !self.is_bound(stroke)
            && (digit > 0 || self.count.is_some())
        {
            let count = self.count.unwrap_or(0);
            self.count = Some(count.saturating_mul(10).saturating_add(digit));
            return None;
        }
        self.typed.push(stroke);
        let exact = self
            .sequences
            .iter()
            .find(|(strokes, _)| *strokes == self.typed);
        if let Some((_, action)) = exact {
            self.typed.clear();
            if action.takes_letter() {
                self.waits = Some(*action);
                return None;
            }
            return Some(Request {
                action: *action,
                count: self.count.take(),
                letter: None,
            });
        }
        let begins = |(strokes, _): &(Vec<Stroke>, Action)| strokes.starts_with(&self.typed);
        if !self.sequences.iter().any(begins) {
            self.typed.clear();
            self.count = None;
        }
        None
    }

    /// A digit is bound only while no number is being typed.
    fn is_bound(&self, stroke: Stroke) -> bool {
        self.count.is_none()
            && self
                .sequences
                .iter()
                .any(|(strokes, _)| *strokes == [stroke])
    }

    /// What has been typed of something longer.
    pub fn typed(&self) -> String {
        let mut text = self
            .count
            .map(|count| count.to_string())
            .unwrap_or_default();
        for stroke in &self.typed {
            text += &stroke.to_string();
        }
        if let Some(action) = self.waits {
            text += &self.keys_of(action);
        }
        text
    }

    /// The keys of an action, as they are bound now.
    pub fn keys_of(&self, action: Action) -> String {
        let keys = self.sequences.iter().filter(|(_, bound)| *bound == action);
        let mut text = String::new();
        for (strokes, _) in keys {
            if !text.is_empty() {
                text += ", ";
            }
            for (number, stroke) in strokes.iter().enumerate() {
                let text_of = stroke.to_string();
                // `gg` can be read, `ctrl-wctrl-w` cannot.
                if number > 0 && text_of.len() > 1 {
                    text.push(' ');
                }
                text += &text_of;
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keymap: &mut Keymap, keys: &str) -> Vec<Request> {
        keys.split(' ')
            .filter_map(|key| keymap.press(Stroke::parse(key).unwrap()))
            .collect()
    }

    #[test]
    fn every_key_of_the_table_is_understood_and_means_one_thing() {
        let mut seen: Vec<Vec<Stroke>> = Vec::new();
        for binding in bindings() {
            for keys in binding.keys {
                let strokes = sequence(keys).unwrap_or_else(|| panic!("{keys}"));
                for other in &seen {
                    assert!(!other.starts_with(&strokes), "{keys} is taken");
                    assert!(!strokes.starts_with(other), "{keys} cannot be reached");
                }
                seen.push(strokes);
            }
        }
    }

    #[test]
    fn names_and_actions_are_used_once() {
        let mut names: Vec<_> = bindings().map(|binding| binding.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn counts_sequences_and_letters_are_understood() {
        let mut keymap = Keymap::default();
        let requests = press(&mut keymap, "5 0 g g j m a ctrl-w w");
        let expected = [
            (Action::Top, Some(50), None),
            (Action::Down, None, None),
            (Action::SetPlace, None, Some('a')),
            (Action::NextPane, None, None),
        ];
        let found: Vec<_> = requests
            .iter()
            .map(|request| (request.action, request.count, request.letter))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_unknown_sequence_is_forgotten() {
        let mut keymap = Keymap::default();
        assert_eq!(press(&mut keymap, "g x"), []);
        assert_eq!(press(&mut keymap, "j"), [Action::Down.into()]);
    }

    #[test]
    fn keys_can_be_given_to_other_actions() {
        let mut keymap = Keymap::default();
        keymap.rebind("pause", &["j".to_owned()]).unwrap();
        assert_eq!(press(&mut keymap, "j"), [Action::Pause.into()]);
        assert_eq!(press(&mut keymap, "space"), []);
        assert_eq!(press(&mut keymap, "down"), [Action::Down.into()]);
        assert!(keymap.rebind("dance", &[]).is_err());
        assert!(keymap.rebind("pause", &["jj".to_owned()]).is_err());
    }
}
