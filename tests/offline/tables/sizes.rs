//! The table's lengths against an independent statement of them:
//! `fixtures/sizes.txt`.

use std::collections::BTreeMap;

use dxgtrace_protocol::decode::{Decoded, PendingRequest};
use dxgtrace_protocol::schema::Message;
use dxgtrace_protocol::table;
use dxgtrace_protocol::table::framing::VERSION_EXTENDED;
use dxgtrace_tests::generate::{Counts, Framing, Plan, reply};

use super::{command, decoded};

/// Request and reply sizes of a message.
struct Sizes {
    request: &'static str,
    reply: &'static str,
}

/// The fixture by name of the message; `@40` is part of the name.
fn fixture() -> BTreeMap<&'static str, Sizes> {
    include_str!("../../fixtures/sizes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut parts = line.split('|').map(str::trim);
            let mut next = || parts.next().expect("three parts a line");
            let name = next();
            let (request, reply) = (next(), next());
            (name, Sizes { request, reply })
        })
        .collect()
}

/// The sizes of a message in a format.
fn sizes_of<'a>(
    fixture: &'a BTreeMap<&str, Sizes>,
    message: &Message,
    framing: Framing,
) -> Option<&'a Sizes> {
    let newer = format!("{}@40", message.name);
    let newer = fixture.get(newer.as_str());
    newer
        .filter(|_| framing.version() == VERSION_EXTENDED)
        .or_else(|| fixture.get(message.name))
}

/// A formula over the fields of a request.
struct Formula<'a> {
    rest: &'a str,
    request: &'a Decoded<'a>,
}

impl<'a> Formula<'a> {
    fn value(text: &'a str, request: &'a Decoded<'a>) -> u64 {
        let mut formula = Self {
            rest: text,
            request,
        };
        let value = formula.sum();
        assert_eq!(formula.rest.trim(), "", "{text}");
        value
    }

    fn sum(&mut self) -> u64 {
        let mut value = self.product();
        while self.takes("+") {
            value += self.product();
        }
        value
    }

    fn product(&mut self) -> u64 {
        let mut value = self.atom();
        while self.takes("*") {
            value *= self.atom();
        }
        value
    }

    fn atom(&mut self) -> u64 {
        let word = self.word();
        if let Ok(number) = word.parse() {
            return number;
        }
        if !self.takes("(") {
            return self.field(word);
        }
        let value = match word {
            "max" => {
                let first = self.sum();
                assert!(self.takes(","));
                first.max(self.sum())
            }
            "roundup8" => self.sum().div_ceil(8) * 8,
            "if" => {
                let condition = self.sum();
                assert!(self.takes(","));
                let yes = self.sum();
                assert!(self.takes(","));
                let no = self.sum();
                if condition != 0 { yes } else { no }
            }
            "sum" => {
                let path = self.word();
                let (tail, member) = path.split_once('.').expect("tail.member");
                self.total(tail, member)
            }
            other => panic!("no function {other}"),
        };
        assert!(self.takes(")"));
        value
    }

    fn field(&self, name: &str) -> u64 {
        let body = self.request.body.as_ref().expect("a layout");
        body.number_by_name(name)
            .unwrap_or_else(|| panic!("no field {name}"))
    }

    fn total(&self, tail: &str, member: &str) -> u64 {
        let body = self.request.body.as_ref().expect("a layout");
        let tail = body
            .tails()
            .find(|spot| spot.tail.name == tail)
            .expect("the tail");
        (0..tail.count)
            .map(|index| {
                let mut members = tail.members(index);
                let spot = members.find(|spot| spot.field.name == member);
                spot.and_then(|spot| spot.number()).expect("the member")
            })
            .sum()
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let inside = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
        let end = self
            .rest
            .find(|letter| !inside(letter))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        rest.map(|rest| self.rest = rest).is_some()
    }
}

#[test]
fn every_known_layout_has_a_measured_size() {
    let fixture = fixture();
    let known = table::all().filter(|message| !message.requests.is_empty());
    for message in known {
        assert!(fixture.contains_key(message.name), "{}", message.name);
    }
    for name in fixture.keys() {
        let name = name.trim_end_matches("@40");
        assert!(table::by_name(name).is_some(), "{name}");
    }
}

#[test]
fn messages_and_replies_are_as_long_as_measured() {
    let fixture = fixture();
    for message in table::all() {
        for framing in Framing::ALL {
            let Some(sizes) = sizes_of(&fixture, message, framing) else {
                continue;
            };
            for seed in 0..40 {
                let plan = Plan::new(framing, seed).counts(Counts::ALL[seed as usize % 5]);
                let made = command(message, plan);
                let place = format!("{} {plan:?}", message.name);
                let request = decoded(&made);
                let body = request.body.as_ref().expect("a layout");
                let length = (made.payload.len() - made.base()) as u64;
                let either = sizes.request.split(" or ");
                let measured: Vec<u64> = either.map(|one| Formula::value(one, &request)).collect();
                assert!(
                    measured.contains(&length),
                    "{place}: {length} of {measured:?}"
                );
                assert_eq!(body.described, Some(length), "{place}");
                if sizes.reply == "-" {
                    continue;
                }
                let measured = Formula::value(sizes.reply, &request);
                assert_eq!(
                    PendingRequest::new(&request).expected_reply_length(),
                    Some(measured),
                    "{place}"
                );
                let reply = reply(&made, plan);
                assert_eq!(
                    u64::from(reply.header.expected_reply_length),
                    measured,
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn formulas_mean_what_they_say() {
    let message = table::by_name("create_hwqueue").expect("the message");
    let plan = Plan::new(Framing::Old, 1).counts(Counts::Near(9));
    let made = command(message, plan);
    let request = decoded(&made);
    for (text, value) in [
        ("2 + 3*4", 14),
        ("roundup8(9) + 1", 17),
        ("max(3, 4*2)", 8),
        ("if(0, 1, 2) + if(5, 1, 2)", 3),
        ("priv_drv_data_size", 9),
    ] {
        assert_eq!(Formula::value(text, &request), value, "{text}");
    }
}
