//! The prompt: the line in which filters, searches and commands are typed.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

/// What the prompt is open for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptPurpose {
    /// A display filter.
    Filter,
    /// A search.
    Search(SearchPlace),
    /// A command.
    Command,
}

/// What a search examines of each packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchPlace {
    /// Its line in the packet list.
    #[default]
    List,
    /// The lines of its tree.
    Tree,
    /// The bytes of its payload.
    Bytes,
    /// Whether it matches a filter.
    Filter,
}

impl SearchPlace {
    /// The place that Tab changes to.
    pub fn next(self) -> Self {
        match self {
            Self::List => Self::Tree,
            Self::Tree => Self::Bytes,
            Self::Bytes => Self::Filter,
            Self::Filter => Self::List,
        }
    }

    /// Name of the place in the prompt.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Tree => "tree",
            Self::Bytes => "bytes",
            Self::Filter => "by filter",
        }
    }
}

/// A possible completion of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Range of bytes of the line that it replaces.
    pub span: Range<usize>,
    /// The text that replaces them.
    pub text: String,
    /// Description of the completion; may be empty.
    pub doc: String,
}

/// Whether the typed line is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptVerdict {
    /// The line is valid.
    Good,
    /// The line is valid so far but incomplete; says what is missing.
    Incomplete(String),
    /// The line is wrong; says why.
    Bad(String),
}

/// What becomes of the prompt after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptOutcome {
    /// It stays open.
    Typing,
    /// The line is to be applied.
    Done,
    /// The prompt is cancelled.
    Cancelled,
}

/// Longest line that can be typed, in bytes.
const MAX: usize = 4096;

/// An open prompt.
#[derive(Debug)]
pub struct Prompt {
    /// What the line will be used for.
    pub purpose: PromptPurpose,
    /// The text and its cursor.
    input: Input,
    /// Whether the text is valid.
    pub verdict: PromptVerdict,
    /// Possible completions, best first.
    pub completions: Vec<Completion>,
    /// Index of the completion that is inserted.
    pub chosen: Option<usize>,
    /// Text and cursor before a completion was inserted.
    typed: (String, usize),
    /// Position in the history, counted from its end; 0 is none.
    back: usize,
}

impl Prompt {
    /// Opens a prompt with `text` in it.
    pub fn new(purpose: PromptPurpose, text: &str) -> Self {
        Self {
            purpose,
            input: Input::from(text),
            verdict: PromptVerdict::Good,
            completions: Vec::new(),
            chosen: None,
            typed: (text.to_owned(), text.len()),
            back: 0,
        }
    }

    /// The typed text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Position of the cursor, in bytes.
    pub fn cursor(&self) -> usize {
        let text = self.text();
        let cursor = text.char_indices().nth(self.input.cursor());
        cursor.map_or(text.len(), |(at, _)| at)
    }

    /// The text before and after the cursor.
    pub fn halves(&self) -> (&str, &str) {
        self.text().split_at(self.cursor())
    }

    /// Handles a key. `history` has the earlier lines, the latest last.
    pub fn press(&mut self, key: &KeyEvent, history: &[String]) -> PromptOutcome {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return PromptOutcome::Done,
            KeyCode::Esc => return PromptOutcome::Cancelled,
            KeyCode::Char('c') if ctrl => return PromptOutcome::Cancelled,
            KeyCode::Tab => return self.complete(true),
            KeyCode::BackTab => return self.complete(false),
            KeyCode::Backspace if self.text().is_empty() => return PromptOutcome::Cancelled,
            KeyCode::Up => self.recall(history, self.back + 1),
            KeyCode::Down => self.recall(history, self.back.saturating_sub(1)),
            KeyCode::Char('w') if ctrl => self.delete_word(),
            code => match request(code, ctrl) {
                Some(InputRequest::InsertChar(_)) if self.text().len() >= MAX => {}
                Some(request) => {
                    self.input.handle(request);
                }
                None => return PromptOutcome::Typing,
            },
        }
        self.edited();
        PromptOutcome::Typing
    }

    /// Inserts pasted text without its control characters.
    pub fn paste(&mut self, text: &str) {
        let (before, after) = self.halves();
        let room = MAX.saturating_sub(self.text().len());
        let letters = text
            .char_indices()
            .filter(|(_, letter)| !letter.is_control());
        let pasted = letters.take_while(|(at, _)| *at < room);
        let pasted: String = pasted.map(|(_, letter)| letter).collect();
        self.input = input(&format!("{before}{pasted}"), after);
        self.edited();
    }

    /// Resets completion after a change of the text by other means.
    fn edited(&mut self) {
        self.chosen = None;
        self.typed = (self.text().to_owned(), self.cursor());
    }

    /// Deletes the word before the cursor, up to a space, as a shell does.
    fn delete_word(&mut self) {
        let (before, after) = self.halves();
        let kept = before.trim_end();
        let kept = kept.trim_end_matches(|letter: char| !letter.is_whitespace());
        self.input = input(kept, after);
    }

    fn recall(&mut self, history: &[String], back: usize) {
        if let Some(line) = back
            .checked_sub(1)
            .and_then(|back| history.iter().rev().nth(back))
        {
            self.input = Input::from(line.as_str());
            self.back = back;
        } else if back == 0 {
            self.input.reset();
            self.back = 0;
        }
    }

    /// Inserts the next or previous completion; in a search, Tab changes what is
    /// searched.
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
            self.input = input(&format!("{before}{}", completion.text), after);
        }
        if count == 1 {
            // Accept the only completion, so that the next word can be completed.
            self.edited();
        }
        PromptOutcome::Typing
    }
}

/// An input line with the cursor between two texts.
fn input(before: &str, after: &str) -> Input {
    Input::new(format!("{before}{after}")).with_cursor(before.chars().count())
}

/// The editing operation of a key.
fn request(code: KeyCode, ctrl: bool) -> Option<InputRequest> {
    Some(match (code, ctrl) {
        (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
        (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
        (KeyCode::Home, _) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
        (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
        (KeyCode::Left, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true) => InputRequest::GoToNextWord,
        (KeyCode::Left, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false) => InputRequest::GoToNextChar,
        (KeyCode::Char(letter), false) => InputRequest::InsertChar(letter),
        _ => return None,
    })
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
        assert_eq!((prompt.text(), prompt.cursor()), ("a\u{10348}", 5));
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
        assert_eq!(prompt.text(), "status");
        press(&mut prompt, KeyCode::Tab);
        assert_eq!(prompt.text(), "start");
        press(&mut prompt, KeyCode::Tab);
        assert_eq!(prompt.text(), "status");
        press(&mut prompt, KeyCode::Char(' '));
        assert_eq!((prompt.text(), prompt.chosen), ("status ", None));
    }

    #[test]
    fn words_are_deleted_back_to_a_space_and_passed_over_at_once() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "size.short && status >= ");
        let mut ctrl = |code| prompt.press(&KeyEvent::new(code, KeyModifiers::CONTROL), &[]);
        ctrl(KeyCode::Char('w'));
        ctrl(KeyCode::Left);
        ctrl(KeyCode::Char('w'));
        assert_eq!((prompt.text(), prompt.cursor()), ("size.short status ", 11));
    }

    #[test]
    fn a_paste_has_no_line_breaks_and_an_end() {
        let mut prompt = Prompt::new(PromptPurpose::Filter, "ab");
        press(&mut prompt, KeyCode::Left);
        prompt.paste("x\ny\u{e9}");
        assert_eq!((prompt.text(), prompt.cursor()), ("axy\u{e9}b", 5));
        prompt.paste(&"z".repeat(2 * MAX));
        press(&mut prompt, KeyCode::Char('z'));
        assert_eq!(prompt.text().len(), MAX);
    }
}
