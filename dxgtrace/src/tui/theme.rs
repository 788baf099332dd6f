//! How things look. Every theme says all of it; 16 colours are enough.

use ratatui::style::{Color, Modifier, Style};

use crate::check::Severity;

/// The styles of a theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: &'static str,
    /// Ordinary text.
    pub text: Style,
    /// What matters less.
    pub faint: Style,
    /// Headings.
    pub heading: Style,
    /// The title line and the status line.
    pub bar: Style,
    /// The current view's name in the title line.
    pub current: Style,
    /// The selected line of the focused pane.
    pub selected: Style,
    /// The selected line of another pane.
    pub elsewhere: Style,
    /// Requests.
    pub request: Style,
    /// Replies.
    pub reply: Style,
    /// Messages of the host.
    pub event: Style,
    /// The bytes of the selected field.
    pub field: Style,
    /// A marked packet.
    pub marked: Style,
    /// A line that can be applied.
    pub good: Style,
    /// A line that cannot.
    pub bad: Style,
    /// Findings, mildest first.
    pub severities: [Style; 4],
}

impl Theme {
    /// How a severity looks.
    pub fn severity(&self, severity: Severity) -> Style {
        self.severities
            .get(severity as usize)
            .copied()
            .unwrap_or(self.text)
    }
}

/// The letter of a severity, for those who see no colours.
pub fn letter(severity: Severity) -> &'static str {
    match severity {
        Severity::Chat => "c",
        Severity::Note => "n",
        Severity::Warn => "W",
        Severity::Error => "E",
    }
}

/// All themes, the default first.
pub fn themes() -> [Theme; 3] {
    [dark(), light(), mono()]
}

/// The theme of that name.
pub fn by_name(name: &str) -> Option<Theme> {
    themes().into_iter().find(|theme| theme.name == name)
}

/// The default: for terminals with a dark or a light background that have the
/// usual 16 colours.
pub fn dark() -> Theme {
    let plain = Style::new();
    Theme {
        name: "default",
        text: plain,
        faint: plain.fg(Color::DarkGray),
        heading: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        bar: plain.fg(Color::Black).bg(Color::Gray),
        current: plain
            .fg(Color::White)
            .bg(Color::Blue)
            .add_modifier(Modifier::BOLD),
        selected: plain
            .fg(Color::White)
            .bg(Color::Blue)
            .add_modifier(Modifier::BOLD),
        elsewhere: plain.fg(Color::Black).bg(Color::Gray),
        request: plain,
        reply: plain.fg(Color::Cyan),
        event: plain.fg(Color::Magenta),
        field: plain.fg(Color::Black).bg(Color::Yellow),
        marked: plain.fg(Color::Green).add_modifier(Modifier::BOLD),
        good: plain.fg(Color::Green),
        bad: plain.fg(Color::Red),
        severities: [
            plain.fg(Color::DarkGray),
            plain.fg(Color::Cyan),
            plain.fg(Color::Yellow),
            plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        ],
    }
}

/// For light backgrounds.
fn light() -> Theme {
    let plain = Style::new();
    Theme {
        name: "light",
        faint: plain.fg(Color::DarkGray),
        heading: plain.fg(Color::Blue).add_modifier(Modifier::BOLD),
        bar: plain.fg(Color::White).bg(Color::DarkGray),
        elsewhere: plain.fg(Color::Black).bg(Color::Gray),
        reply: plain.fg(Color::Blue),
        severities: [
            plain.fg(Color::DarkGray),
            plain.fg(Color::Blue),
            plain.fg(Color::Magenta),
            plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        ],
        ..dark()
    }
}

/// Without colours.
fn mono() -> Theme {
    let plain = Style::new();
    let bold = plain.add_modifier(Modifier::BOLD);
    let reversed = plain.add_modifier(Modifier::REVERSED);
    Theme {
        name: "mono",
        text: plain,
        faint: plain.add_modifier(Modifier::DIM),
        heading: bold,
        bar: reversed,
        current: bold,
        selected: reversed.add_modifier(Modifier::BOLD),
        elsewhere: plain.add_modifier(Modifier::UNDERLINED),
        request: plain,
        reply: plain,
        event: plain,
        field: reversed,
        marked: bold,
        good: bold,
        bad: plain.add_modifier(Modifier::UNDERLINED),
        severities: [plain.add_modifier(Modifier::DIM), plain, bold, bold],
    }
}
