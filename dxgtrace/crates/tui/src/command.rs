//! The table of the `:` commands, and the functions that parse, complete and
//! run them.

use super::app::{App, MessageTone, TerminalEffect};
use super::keys;
use super::prompt::{Completion, PromptVerdict};
use super::{config, save};

/// A `:` command.
#[derive(Debug)]
pub struct PromptCommand {
    /// Name of the command, without the colon.
    pub name: &'static str,
    /// Arguments as the help shows them; empty if there are none.
    pub arguments: &'static str,
    /// What the command does, for the help.
    pub help: &'static str,
    run: fn(&mut App, &str) -> Result<(), String>,
    words: CompletionWords,
}

/// Lists the possible arguments of a command. Its parameter is the argument as
/// typed so far.
type CompletionWords = fn(&App, &str) -> Vec<String>;

fn no_words(_: &App, _: &str) -> Vec<String> {
    Vec::new()
}

fn to_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Every command that is not the name of an action.
pub static COMMANDS: &[PromptCommand] = &[
    PromptCommand {
        name: "filter",
        arguments: "EXPRESSION",
        help: "show only packets that match; without one, all",
        run: |app, text| {
            app.set_filter(text)
                .then_some(())
                .ok_or_else(|| shown_message(app))
        },
        words: no_words,
    },
    PromptCommand {
        name: "save",
        arguments: "all|filtered|marked FILE",
        help: "write packets to a capture file",
        run: save::run,
        words: |_, typed| save::words(typed),
    },
    PromptCommand {
        name: "go",
        arguments: "NUMBER",
        help: "go to the packet with this number",
        run: |app, text| {
            let number = text
                .parse()
                .map_err(|_| format!("`{text}` is not a packet number"))?;
            let row = app.store.rows().at_number(number);
            app.jump(row.ok_or_else(|| format!("there is no packet {number}"))?);
            Ok(())
        },
        words: no_words,
    },
    PromptCommand {
        name: "time",
        arguments: "FORMAT",
        help: "times: relative, delta, epoch, clock, date",
        run: |app, text| {
            app.time = config::time(text)?;
            Ok(())
        },
        words: |_, _| to_words(config::TIMES.iter().map(|(name, _)| *name)),
    },
    PromptCommand {
        name: "theme",
        arguments: "NAME",
        help: "theme: default, light, mono, or your own",
        run: |app, text| {
            app.theme = config::by_name(&app.themes, text)?;
            Ok(())
        },
        words: |app, _| to_words(app.themes.iter().map(|theme| theme.name.as_str())),
    },
    PromptCommand {
        name: "mouse",
        arguments: "on|off",
        help: "handle the mouse, or leave it to the terminal",
        run: |app, text| {
            let on = match text {
                "on" | "" => true,
                "off" => false,
                _ => return Err("mouse takes on or off".to_owned()),
            };
            app.effects.push_back(TerminalEffect::Mouse(on));
            Ok(())
        },
        words: |_, _| to_words(["on", "off"]),
    },
    PromptCommand {
        name: "unmark",
        arguments: "",
        help: "remove all marks",
        run: |app, _| {
            app.marks.clear();
            Ok(())
        },
        words: no_words,
    },
    PromptCommand {
        name: "q",
        arguments: "",
        help: "quit",
        run: |app, _| {
            app.quit();
            Ok(())
        },
        words: no_words,
    },
    PromptCommand {
        name: "q!",
        arguments: "",
        help: "quit without asking; the capture file is kept",
        run: |app, _| {
            app.quit_now();
            Ok(())
        },
        words: no_words,
    },
];

/// The message that an action has shown.
fn shown_message(app: &App) -> String {
    app.message
        .as_ref()
        .map(|(_, text)| text.clone())
        .unwrap_or_default()
}

/// Runs a line: a command, the name of an action, or a packet number.
pub fn run(app: &mut App, line: &str) {
    let (name, arguments) = split(line);
    if name.is_empty() {
        return;
    }
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        if let Err(text) = (command.run)(app, arguments) {
            app.show_message(MessageTone::Wrong, text);
        }
    } else if let Some(action) = keys::by_name(name) {
        app.apply(action.into());
    } else if let Ok(number) = name.parse::<u32>() {
        run(app, &format!("go {number}"));
    } else {
        app.show_message(
            MessageTone::Wrong,
            format!("there is no command `{name}`; ? lists them"),
        );
    }
}

/// Whether a line names a known command.
pub fn verdict(line: &str) -> PromptVerdict {
    let (name, _) = split(line);
    let known = COMMANDS.iter().any(|command| command.name == name)
        || keys::by_name(name).is_some()
        || name.parse::<u32>().is_ok();
    if known {
        PromptVerdict::Good
    } else {
        PromptVerdict::Incomplete(String::new())
    }
}

/// The possible completions of `line` at `cursor`, a byte offset.
pub fn completions(app: &App, line: &str, cursor: usize) -> Vec<Completion> {
    let Some(typed) = line.get(..cursor) else {
        return Vec::new();
    };
    if let Some((name, rest)) = typed.split_once(' ') {
        let command = COMMANDS.iter().find(|command| command.name == name);
        let words = command.map(|command| (command.words)(app, rest));
        let start = cursor - rest.len();
        let fitting = words.unwrap_or_default().into_iter();
        return fitting
            .filter(|word| word.starts_with(rest))
            .map(|word| Completion {
                span: start..cursor,
                text: word,
                doc: String::new(),
            })
            .collect();
    }
    let commands = COMMANDS.iter().map(|command| {
        let space = if command.arguments.is_empty() {
            ""
        } else {
            " "
        };
        (format!("{}{space}", command.name), command.help)
    });
    let actions = keys::bindings()
        .filter(|binding| COMMANDS.iter().all(|command| command.name != binding.name))
        .filter(|binding| !binding.action.takes_letter())
        .map(|binding| (binding.name.to_owned(), binding.help));
    commands
        .chain(actions)
        .filter(|(name, _)| name.starts_with(typed))
        .map(|(name, help)| Completion {
            span: 0..cursor,
            text: name,
            doc: help.to_owned(),
        })
        .collect()
}

fn split(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    match line.split_once(' ') {
        Some((name, rest)) => (name, rest.trim()),
        None => (line, ""),
    }
}
