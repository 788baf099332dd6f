//! Themes: the styles of everything on the screen. The built-in ones need only
//! 16 colours. Users add their own in `$XDG_CONFIG_HOME/dxgtrace/themes/NAME.toml`:
//!
//! ```toml
//! base = "light"
//! selected = "white on #224488 bold"
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

use dxgtrace_session::check::Severity;

/// The styles of a theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Name of the theme in `:theme` and in the configuration file.
    pub name: String,
    /// Ordinary text.
    pub text: Style,
    /// Less important text, such as packet numbers.
    pub faint: Style,
    /// Headings.
    pub heading: Style,
    /// The title line and the status line.
    pub bar: Style,
    /// The name of the current view in the title line, and the heading of the
    /// focused pane.
    pub current: Style,
    /// The selected line of the focused pane.
    pub selected: Style,
    /// The selected line of another pane.
    pub elsewhere: Style,
    /// Names of requests.
    pub request: Style,
    /// Names of replies.
    pub reply: Style,
    /// Names of messages that the host sends by itself.
    pub event: Style,
    /// The bytes of the selected field.
    pub field: Style,
    /// The mark of a marked packet.
    pub marked: Style,
    /// Success: messages, and a typed line that can be applied.
    pub good: Style,
    /// Failure: messages, statuses, and a typed line that is wrong.
    pub bad: Style,
    /// Findings by severity, mildest first.
    pub severities: [Style; 4],
}

/// Returns one style of a theme.
type ThemePart = fn(&mut Theme) -> &mut Style;

/// The styles of a theme by their names in theme files.
pub const PARTS: &[(&str, ThemePart)] = &[
    ("text", |theme| &mut theme.text),
    ("faint", |theme| &mut theme.faint),
    ("heading", |theme| &mut theme.heading),
    ("bar", |theme| &mut theme.bar),
    ("current", |theme| &mut theme.current),
    ("selected", |theme| &mut theme.selected),
    ("elsewhere", |theme| &mut theme.elsewhere),
    ("request", |theme| &mut theme.request),
    ("reply", |theme| &mut theme.reply),
    ("event", |theme| &mut theme.event),
    ("field", |theme| &mut theme.field),
    ("marked", |theme| &mut theme.marked),
    ("good", |theme| &mut theme.good),
    ("bad", |theme| &mut theme.bad),
    ("chat", |theme| &mut theme.severities[0]),
    ("note", |theme| &mut theme.severities[1]),
    ("warn", |theme| &mut theme.severities[2]),
    ("error", |theme| &mut theme.severities[3]),
];

impl Theme {
    /// The style of a severity.
    pub fn severity(&self, severity: Severity) -> Style {
        self.severities
            .get(severity as usize)
            .copied()
            .unwrap_or(self.text)
    }

    /// Parses the text of a theme file.
    ///
    /// # Errors
    /// The text is not valid; the error is a sentence for the user.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut parts: BTreeMap<String, String> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let base = parts.remove("base").unwrap_or_else(|| "default".to_owned());
        let mut theme = built_in()
            .into_iter()
            .find(|theme| theme.name == base)
            .ok_or_else(|| format!("there is no theme `{base}` to base this one on"))?;
        name.clone_into(&mut theme.name);
        for (part, text) in parts {
            let (_, reach) = PARTS
                .iter()
                .find(|(name, _)| *name == part)
                .ok_or_else(|| {
                    let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
                    format!("a theme has no `{part}`; it has base, {}", names.join(", "))
                })?;
            *reach(&mut theme) = style(&text)?;
        }
        Ok(theme)
    }

    /// Loads all theme files of a folder, in order of their names.
    ///
    /// # Errors
    /// A file cannot be read or parsed; the error is a sentence for the user.
    pub fn load(folder: &Path) -> Result<Vec<Self>, String> {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(Vec::new());
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        paths.sort();
        let load = |path: &std::path::PathBuf| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            text.and_then(|text| Self::parse(&name, &text))
                .map_err(|error| format!("{}: {}", path.display(), error.trim_end()))
        };
        paths.iter().map(load).collect()
    }
}

/// Parses a style: `white on blue bold`, `#ff8800`, `reversed`.
fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let modifier = match word {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underlined" => Modifier::UNDERLINED,
            "reversed" => Modifier::REVERSED,
            "on" => {
                style = style.bg(colour(words.next().unwrap_or_default())?);
                continue;
            }
            _ => {
                style = style.fg(colour(word)?);
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, String> {
    Color::from_str(word).map_err(|_| {
        format!("`{word}` is no colour; colours are such as red, light-blue, #ff8800, 208")
    })
}

/// The letter of a severity, so that it does not depend on colour.
pub fn letter(severity: Severity) -> &'static str {
    match severity {
        Severity::Chat => "c",
        Severity::Note => "n",
        Severity::Warn => "W",
        Severity::Error => "E",
    }
}

/// The built-in themes, the default first.
pub fn built_in() -> Vec<Theme> {
    vec![dark(), light(), mono()]
}

/// The default theme, for a dark background and 16 colours.
pub fn dark() -> Theme {
    let plain = Style::new();
    let selected = plain
        .fg(Color::White)
        .bg(Color::Blue)
        .add_modifier(Modifier::BOLD);
    Theme {
        name: "default".to_owned(),
        text: plain,
        faint: plain.fg(Color::DarkGray),
        heading: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        bar: plain.fg(Color::Black).bg(Color::Gray),
        current: selected,
        selected,
        elsewhere: plain.fg(Color::Black).bg(Color::Gray),
        request: plain.fg(Color::Cyan),
        reply: plain.fg(Color::Green),
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

/// The theme for a light background.
fn light() -> Theme {
    let plain = Style::new();
    Theme {
        name: "light".to_owned(),
        heading: plain.fg(Color::Blue).add_modifier(Modifier::BOLD),
        bar: plain.fg(Color::White).bg(Color::DarkGray),
        request: plain.fg(Color::Blue),
        severities: [
            plain.fg(Color::DarkGray),
            plain.fg(Color::Blue),
            plain.fg(Color::Magenta),
            plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        ],
        ..dark()
    }
}

/// The theme without colours.
pub fn mono() -> Theme {
    let plain = Style::new();
    let bold = plain.add_modifier(Modifier::BOLD);
    let reversed = plain.add_modifier(Modifier::REVERSED);
    Theme {
        name: "mono".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_keeps_the_rest() {
        let text = "base = 'light'\nselected = 'white on #224488 bold'\nerror = 'light-red'\n";
        let theme = Theme::parse("mine", text).unwrap();
        assert_eq!(theme.name, "mine");
        assert_eq!(theme.bar, light().bar);
        let selected = Style::new()
            .fg(Color::White)
            .bg(Color::Rgb(0x22, 0x44, 0x88))
            .add_modifier(Modifier::BOLD);
        assert_eq!(theme.selected, selected);
        assert_eq!(
            theme.severity(Severity::Error),
            Style::new().fg(Color::LightRed)
        );
    }

    #[test]
    fn what_is_wrong_in_a_theme_is_said() {
        for (text, expected) in [
            ("base = 'pink'", "there is no theme `pink`"),
            ("border = 'red'", "a theme has no `border`"),
            ("text = 'redd'", "`redd` is no colour"),
            ("text = 'red on'", "`` is no colour"),
        ] {
            let error = Theme::parse("mine", text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
