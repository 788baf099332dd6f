//! Actions that filter and search packets.

use crate::store::{ScanQuestion, SearchText};
use dxgtrace_query::filter::Filter;

use super::super::app::{App, Filtering, MessageTone, Pane, Searching, View};
use super::super::filter_text;
use super::super::prompt::{PromptPurpose, SearchPlace};
use super::super::views::screen_layout::ScreenLayout;
use super::prompt_input::remember;

impl App {
    /// Applies a filter. False if it cannot be parsed; a message says why.
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
                    self.add_new_rows();
                }
                true
            }
            Err(error) => {
                self.show_message(MessageTone::Wrong, error.to_string());
                false
            }
        }
    }

    pub(super) fn filter_by_field(&mut self, also: bool) {
        let Some(condition) = filter_text::filter_under_cursor(self) else {
            self.show_message(
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
            self.show_view(View::Packets);
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
                Err(error) => return self.show_message(MessageTone::Wrong, error.to_string()),
            },
            SearchPlace::Bytes => match filter_text::parse_bytes(text) {
                Some(bytes) => ScanQuestion::Bytes(bytes),
                None => {
                    self.show_message(
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
            self.show_message(MessageTone::Wrong, "no search yet; ctrl-f starts one");
            return;
        };
        let domain = self.list.search_domain(self.store.rows(), forward);
        let scan = self.scan(search.question.clone(), domain, true);
        if let Some(search) = &mut self.searching {
            search.scan = scan;
            search.done = 0;
        }
    }

    /// Selects a row that the search has found, and the match in it.
    pub(crate) fn show_match(&mut self, row: u32) {
        self.jump(row);
        self.load_detail(&ScreenLayout::of(self));
        match self.searching.as_ref().map(|search| &search.question) {
            Some(ScanQuestion::Tree(text)) => {
                self.detail.find(|line| text.is_in(line));
            }
            Some(ScanQuestion::Bytes(bytes)) => self.detail.find_bytes(bytes),
            _ => {}
        }
    }
}
