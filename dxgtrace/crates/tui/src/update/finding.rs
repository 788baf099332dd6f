//! Filters and searches.

use crate::store::{ScanQuestion, SearchText};
use dxgtrace_query::filter::Filter;

use super::super::app::{App, Filtering, MessageTone, Pane, Searching, View};
use super::super::literal;
use super::super::prompt::{PromptPurpose, SearchPlace};
use super::super::views::places::ScreenPlaces;
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
                self.say(MessageTone::Wrong, error.to_string());
                false
            }
        }
    }

    pub(super) fn filter_field(&mut self, also: bool) {
        let Some(condition) = literal::condition(self) else {
            self.say(
                MessageTone::Wrong,
                "no filter names this line; choose a field of the tree",
            );
            return;
        };
        let text = match (also, self.filtering.text.as_str()) {
            (true, old) if !old.is_empty() => format!("({old}) and {condition}"),
            _ => condition,
        };
        if self.set_filter(&text) {
            remember(&mut self.histories, PromptPurpose::Filter, &text);
            self.show(View::Packets);
        }
    }

    pub(super) fn search_place(&self) -> SearchPlace {
        match self.focus {
            Pane::List => SearchPlace::List,
            Pane::Tree => SearchPlace::Tree,
            Pane::Bytes => SearchPlace::Bytes,
        }
    }

    pub(super) fn search(&mut self, place: SearchPlace, text: &str) {
        let question = match place {
            SearchPlace::List => ScanQuestion::Line(SearchText::new(text)),
            SearchPlace::Tree => ScanQuestion::Tree(SearchText::new(text)),
            SearchPlace::Filter => match Filter::parse(text) {
                Ok(filter) => ScanQuestion::Filter(filter),
                Err(error) => return self.say(MessageTone::Wrong, error.to_string()),
            },
            SearchPlace::Bytes => match literal::bytes(text) {
                Some(bytes) => ScanQuestion::Bytes(bytes),
                None => {
                    self.say(
                        MessageTone::Wrong,
                        "bytes are hexadecimal, such as 0d 00 00 c0, or \"text\"",
                    );
                    return;
                }
            },
        };
        self.searching = Some(Searching {
            text: text.to_owned(),
            question,
            scan: None,
            done: 0,
        });
        self.next_match(true);
    }

    pub(super) fn next_match(&mut self, forward: bool) {
        let Some(search) = &self.searching else {
            self.say(
                MessageTone::Wrong,
                "nothing has been searched for; ctrl-f does",
            );
            return;
        };
        let domain = self.list.domain(self.store.rows(), forward);
        let scan = self.scan(search.question.clone(), domain, true);
        if let Some(search) = &mut self.searching {
            search.scan = scan;
            search.done = 0;
        }
    }

    /// A search has found a row.
    pub(crate) fn found(&mut self, row: u32) {
        self.jump(row);
        self.load_detail(&ScreenPlaces::of(self));
        match self.searching.as_ref().map(|search| &search.question) {
            Some(ScanQuestion::Tree(text)) => {
                self.detail.find(|line| text.is_in(line));
            }
            Some(ScanQuestion::Bytes(bytes)) => self.detail.find_bytes(bytes),
            _ => {}
        }
    }
}
