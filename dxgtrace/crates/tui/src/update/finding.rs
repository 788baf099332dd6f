//! Filters and searches.

use crate::store::{Question, Text};
use dxgtrace_query::filter::Filter;

use super::super::app::{App, Filtering, Pane, Searching, Tone, View};
use super::super::literal;
use super::super::prompt::{Place, Purpose};
use super::super::views::places::Places;
use super::typing::remember;

impl App {
    /// Applies a filter. False if it makes no sense.
    pub(crate) fn set_filter(&mut self, text: &str) -> bool {
        match Filter::parse(text) {
            Ok(filter) => {
                let filter = (!filter.is_empty()).then_some(filter);
                self.list.restart(filter.is_some());
                self.filtering = Filtering {
                    text: text.trim().to_owned(),
                    filter,
                    ..Filtering::default()
                };
                if self.filtering.filter.is_none() {
                    self.take_in();
                }
                true
            }
            Err(error) => {
                self.say(Tone::Wrong, error.to_string());
                false
            }
        }
    }

    pub(super) fn filter_field(&mut self, also: bool) {
        let Some(condition) = literal::condition(self) else {
            self.say(
                Tone::Wrong,
                "no filter names this line; choose a field of the tree",
            );
            return;
        };
        let text = match (also, self.filtering.text.as_str()) {
            (true, old) if !old.is_empty() => format!("({old}) and {condition}"),
            _ => condition,
        };
        if self.set_filter(&text) {
            remember(&mut self.histories, Purpose::Filter, &text);
            self.show(View::Packets);
        }
    }

    pub(super) fn search_place(&self) -> Place {
        match self.focus {
            Pane::List => Place::List,
            Pane::Tree => Place::Tree,
            Pane::Bytes => Place::Bytes,
        }
    }

    pub(super) fn search(&mut self, place: Place, text: &str) {
        let question = match place {
            Place::List => Question::Line(Text::new(text)),
            Place::Tree => Question::Tree(Text::new(text)),
            Place::Filter => match Filter::parse(text) {
                Ok(filter) => Question::Filter(filter),
                Err(error) => return self.say(Tone::Wrong, error.to_string()),
            },
            Place::Bytes => match literal::bytes(text) {
                Some(bytes) => Question::Bytes(bytes),
                None => {
                    self.say(
                        Tone::Wrong,
                        "bytes are hexadecimal, such as 0d 00 00 c0, or \"text\"",
                    );
                    return;
                }
            },
        };
        self.searching = Some(Searching {
            text: text.to_owned(),
            question,
            sifting: None,
            done: 0,
        });
        self.next_match(true);
    }

    pub(super) fn next_match(&mut self, forward: bool) {
        let Some(search) = &self.searching else {
            self.say(Tone::Wrong, "nothing has been searched for; ctrl-f does");
            return;
        };
        let domain = self.list.domain(self.store.rows(), forward);
        let sifting = self.sift(search.question.clone(), domain, true);
        if let Some(search) = &mut self.searching {
            search.sifting = sifting;
            search.done = 0;
        }
    }

    /// A search has found a row.
    pub(crate) fn found(&mut self, row: u32) {
        self.jump(row);
        self.load_detail(&Places::of(self));
        match self.searching.as_ref().map(|search| &search.question) {
            Some(Question::Tree(text)) => {
                self.detail.find(|line| text.is_in(line));
            }
            Some(Question::Bytes(bytes)) => self.detail.find_bytes(bytes),
            _ => {}
        }
    }
}
