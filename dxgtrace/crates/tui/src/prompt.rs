//! The line in which filters, searches and commands are typed.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptPurpose {
    /// A display filter.
    Filter,
    /// A search.
    Search(SearchPlace),
    /// A command.
    Command,
}

/// What a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchPlace {
    /// The lines of the packet list.
    #[default]
    List,
    /// Fields and values.
    Tree,
    /// The bytes.
    Bytes,
    /// Everything that a filter can ask for.
    Filter,
}

impl SearchPlace {
    /// The next place.
    pub fn next(self) -> Self {
        match self {
            Self::List => Self::Tree,
            Self::Tree => Self::Bytes,
            Self::Bytes => Self::Filter,
            Self::Filter => Self::List,
        }
    }

    /// The place in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Tree => "tree",
            Self::Bytes => "bytes",
            Self::Filter => "by filter",
        }
    }
}

/// Something that could be typed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the line that it replaces.
    pub span: Range<usize>,
    /// What takes their place.
    pub text: String,
    /// What it is.
    pub doc: String,
}

/// How the line looks so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptVerdict {
    /// It can be applied.
    Good,
    /// It cannot yet, but more may make it right.
    Incomplete(String),
    /// It is wrong.
    Bad(String),
}

/// What a key did to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptOutcome {
    /// It is being typed.
    Typing,
    /// It is to be applied.
    Done,
    /// It is given up.
    GivenUp,
}

/// Longest line that can be typed, in bytes.
const MAX: usize = 4096;

/// A line being typed.
#[derive(Debug)]
pub struct Prompt {
    /// What for.
    pub purpose: PromptPurpose,
    /// The text.
    pub text: String,
    /// Place of the cursor in bytes.
    pub cursor: usize,
    /// How it looks so far.
    pub verdict: PromptVerdict,
    /// What could be typed next, best first.
    pub completions: Vec<Completion>,
    /// The completion that is chosen.
    pub chosen: Option<usize>,
    /// The text before a completion took effect.
    typed: (String, usize),
    /// Place in the history, counted from its end.
    back: usize,
}

impl Prompt {
    /// A line that begins as `text`.
    pub fn new(purpose: PromptPurpose, text: &str) -> Self {
        Self {
            purpose,
            text: text.to_owned(),
            cursor: text.len(),
            verdict: PromptVerdict::Good,
            completions: Vec::new(),
            chosen: None,
            typed: (text.to_owned(), text.len()),
            back: 0,
        }
    }

    /// Takes a key. `history` holds earlier lines, the latest last.
    pub fn press(&mut self, key: &KeyEvent, history: &[String]) -> PromptOutcome {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return PromptOutcome::Done,
            KeyCode::Esc => return PromptOutcome::GivenUp,
            KeyCode::Char('c') if ctrl => return PromptOutcome::GivenUp,
            KeyCode::Tab => return self.complete(true),
            KeyCode::BackTab => return self.complete(false),
            KeyCode::Backspace if self.text.is_empty() => return PromptOutcome::GivenUp,
            KeyCode::Backspace => self.delete(self.before()..self.cursor),
            KeyCode::Char('h') if ctrl => self.delete(self.before()..self.cursor),
            KeyCode::Delete => self.delete(self.cursor..self.after()),
            KeyCode::Char('u') if ctrl => self.delete(0..self.cursor),
            KeyCode::Char('k') if ctrl => self.delete(self.cursor..self.text.len()),
            KeyCode::Char('w') if ctrl => self.delete(self.word_before()..self.cursor),
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Up => self.recall(history, self.back + 1),
            KeyCode::Down => self.recall(history, self.back.saturating_sub(1)),
            KeyCode::Char(letter) if !ctrl => self.insert(letter),
            _ => return PromptOutcome::Typing,
        }
        self.chosen = None;
        self.typed = (self.text.clone(), self.cursor);
        PromptOutcome::Typing
    }

    /// Types pasted text; a line has no line breaks.
    pub fn paste(&mut self, text: &str) {
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            self.insert(letter);
        }
        self.chosen = None;
        self.typed = (self.text.clone(), self.cursor);
    }

    fn insert(&mut self, letter: char) {
        if self.text.len() < MAX && self.text.is_char_boundary(self.cursor) {
            self.text.insert(self.cursor, letter);
            self.cursor += letter.len_utf8();
        }
    }

    fn delete(&mut self, range: Range<usize>) {
        if self.text.get(range.clone()).is_some() {
            self.cursor = range.start;
            self.text.drain(range);
        }
    }

    fn recall(&mut self, history: &[String], back: usize) {
        if let Some(line) = back
            .checked_sub(1)
            .and_then(|back| history.iter().rev().nth(back))
        {
            self.text.clone_from(line);
            self.back = back;
        } else if back == 0 {
            self.text.clear();
            self.back = 0;
        }
        self.cursor = self.text.len();
    }

    /// Puts the next completion in place of what it completes.
    fn complete(&mut self, forward: bool) -> PromptOutcome {
        if let PromptPurpose::Search(place) = self.purpose {
            self.purpose = PromptPurpose::Search(place.next());
            return PromptOutcome::Typing;
        }
        let count = self.completions.len();
        if count == 0 {
            return PromptOutcome::Typing;
        }
        let next = match (self.chosen, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(chosen), true) => (chosen + 1) % count,
            (Some(chosen), false) => (chosen + count - 1) % count,
        };
        self.chosen = Some(next);
        let (typed, _) = &self.typed;
        if let Some(completion) = self.completions.get(next)
            && let (Some(before), Some(after)) = (
                typed.get(..completion.span.start),
                typed.get(completion.span.end..),
            )
        {
            self.text = format!("{before}{}{after}", completion.text);
            self.cursor = before.len() + completion.text.len();
        }
        if count == 1 {
            // There is no other, so that what comes behind it can be offered.
            self.chosen = None;
            self.typed = (self.text.clone(), self.cursor);
        }
        PromptOutcome::Typing
    }

    fn before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before.char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        self.cursor + rest.chars().next().map_or(0, char::len_utf8)
    }

    fn word_before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let trimmed = before.trim_end();
        trimmed
            .char_indices()
            .rev()
            .find(|(_, letter)| letter.is_whitespace())
            .map_or(0, |(at, letter)| at + letter.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(prompt: &mut Prompt, code: KeyCode) -> PromptOutcome {
        prompt.press(&KeyEvent::new(code, KeyModifiers::NONE), &[])
    }

    #[test]
    fn text_of_any_width_is_edited_by_characters() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "a\u{e9}\u{4e16}");
        press(&mut prompt, KeyCode::Left);
        press(&mut prompt, KeyCode::Backspace);
        press(&mut prompt, KeyCode::Char('\u{10348}'));
        press(&mut prompt, KeyCode::Delete);
        assert_eq!((prompt.text.as_str(), prompt.cursor), ("a\u{10348}", 5));
    }

    #[test]
    fn completions_go_round_and_replace_what_was_typed() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "sta");
        let word = |text: &str| Completion {
            span: 0..3,
            text: text.to_owned(),
            doc: String::new(),
        };
        prompt.completions = vec![word("status"), word("start")];
        press(&mut prompt, KeyCode::Tab);
        assert_eq!(prompt.text, "status");
        press(&mut prompt, KeyCode::Tab);
        assert_eq!(prompt.text, "start");
        press(&mut prompt, KeyCode::Tab);
        assert_eq!(prompt.text, "status");
        press(&mut prompt, KeyCode::Char(' '));
        assert_eq!((prompt.text.as_str(), prompt.chosen), ("status ", None));
    }
}
