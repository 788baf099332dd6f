//! Follows a capture and says which rules it matches.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::file::{Rule, RuleScope, RuleStep};
use super::load::Rules;
use super::matcher::{Matcher, PacketAspect};
use dxgtrace_protocol::decode::{FieldRef, MessagePart, Value};
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_protocol::schema::{Field, MAX_FORMS, ObjectKind};
use dxgtrace_protocol::table;
use dxgtrace_session::UnansweredRequest;
use dxgtrace_session::check::Code;
use dxgtrace_session::entry::{Entry, Sink};

/// Most scopes (processes, channels) that a rule is followed in; further ones
/// are not looked at.
const SCOPES: usize = 4096;
/// Packets named for each match.
const EXAMPLES: usize = 5;
/// Most values counted apart.
const GROUPS: usize = 32;
/// Most requests whose field is remembered until the reply comes.
const REMEMBERED: usize = 4096;

/// A rule that the capture matches.
#[derive(Debug)]
pub struct RuleMatch<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// How many packets of its first step were seen, over all scopes.
    pub count: u64,
    /// In how many scopes (processes, channels) it matched.
    pub scopes: u64,
    /// Numbers of the first packets.
    pub packets: Vec<u64>,
    /// What those packets asked for, counted by the rule's group field.
    pub groups: BTreeMap<String, u64>,
}

/// Rows of [`RuleIndex::by_message`] for each aspect: the last is for packets without
/// a message.
const ROWS: usize = table::INDEX_SIZE + 1;

/// What is known of a rule in one scope.
#[derive(Debug, Default)]
struct RuleState {
    /// How often each step was seen.
    seen: Vec<u64>,
    /// When the last completed step was complete.
    since: u64,
    /// Packets of the first step.
    count: u64,
    packets: Vec<u64>,
    groups: BTreeMap<String, u64>,
    /// Something was seen that must not be.
    spoiled: bool,
}

/// Whom to ask about a packet.
#[derive(Debug)]
struct RuleIndex {
    /// Rules with a pattern that needs a finding, by its code.
    by_code: Vec<Vec<usize>>,
    /// Rules with another pattern, by what the packet is at first sight and by
    /// the place of its message: see [`RuleIndex::row`].
    by_message: Vec<Vec<usize>>,
    /// By the place of a message: the field of its requests that is counted
    /// apart.
    grouped: Vec<[Option<&'static Field>; MAX_FORMS]>,
}

/// Follows a capture.
#[derive(Debug)]
pub struct RuleRun<'a> {
    rules: &'a [Rule],
    states: Vec<FxHashMap<u64, RuleState>>,
    index: RuleIndex,
    asked: FxHashMap<u64, String>,
    due: Vec<usize>,
    /// Processes, as the host numbers them, that began in the capture and of
    /// which no packet can be missing.
    whole: FxHashSet<u64>,
}

impl Rules {
    /// Begins to follow a capture.
    pub fn watch(&self) -> RuleRun<'_> {
        RuleRun::new(self.all())
    }
}

impl<'a> RuleRun<'a> {
    pub(super) fn new(rules: &'a [Rule]) -> Self {
        let mut index = RuleIndex {
            by_code: vec![Vec::new(); Code::ALL.len()],
            by_message: vec![Vec::new(); ROWS * PacketAspect::ALL.len()],
            grouped: vec![[None; MAX_FORMS]; table::INDEX_SIZE],
        };
        for (number, rule) in rules.iter().enumerate() {
            let matchers = rule.steps.iter().map(|step| &step.matcher);
            for matcher in matchers.chain(&rule.unless) {
                index.add(number, matcher);
            }
            for step in &rule.steps {
                index.group(step);
            }
        }
        Self {
            rules,
            states: rules.iter().map(|_| FxHashMap::default()).collect(),
            index,
            asked: FxHashMap::default(),
            due: Vec::new(),
            whole: FxHashSet::default(),
        }
    }

    /// Takes the next packet.
    pub fn see(&mut self, entry: &Entry<'_>) {
        let message = entry
            .analysis
            .decoded
            .as_ref()
            .and_then(|decoded| decoded.message);
        let place = message.and_then(table::catalog_index);
        self.remember(entry, place);
        self.follow_processes(entry);
        let aspect = PacketAspect::of(entry);
        let Self {
            rules,
            states,
            index,
            asked,
            due,
            whole,
            ..
        } = self;
        let mut numbers = index.row(aspect, place);
        if !entry.findings.is_empty() {
            due.clear();
            due.extend_from_slice(numbers);
            for finding in entry.findings {
                due.extend_from_slice(index.with(finding.code()));
            }
            due.sort_unstable();
            due.dedup();
            numbers = due;
        }
        for number in numbers {
            if let (Some(rule), Some(states)) = (rules.get(*number), states.get_mut(*number)) {
                apply(rule, states, asked, whole, entry, aspect);
            }
        }
        if let Some(request) = entry.request
            && !self.asked.is_empty()
        {
            self.asked.remove(&request.number);
        }
    }

    /// Ends the capture: `unanswered` are the requests that the host owes a
    /// reply.
    pub fn end(&mut self, unanswered: &[UnansweredRequest]) {
        for (rule, states) in self.rules.iter().zip(&mut self.states) {
            if rule.whole_process {
                for one in unanswered {
                    if let Some(state) = states.get_mut(&u64::from(one.request.process)) {
                        state.spoiled = true;
                    }
                }
            }
            let Some(step) = rule.steps.last() else {
                continue;
            };
            let Some(least) = step.matcher.unanswered else {
                continue;
            };
            for UnansweredRequest {
                request, waited, ..
            } in unanswered
            {
                if *waited < least || !step.matcher.is_of(request.pending.message) {
                    continue;
                }
                let scope = match rule.scope {
                    RuleScope::Capture => 0,
                    RuleScope::Process => u64::from(request.process),
                    RuleScope::Channel => u64::from(request.header.channel),
                };
                let Some(state) = state(states, scope) else {
                    continue;
                };
                let index = rule.steps.len() - 1;
                if index == 0 {
                    state.note(request.number, None);
                }
                state.progress(rule, index, step, request.time);
            }
        }
    }

    /// The rules that matched, in their order.
    pub fn matches(&self) -> Vec<RuleMatch<'a>> {
        self.rules
            .iter()
            .zip(&self.states)
            .filter(|(rule, _)| !rule.steps.is_empty())
            .filter_map(|(rule, states)| {
                let mut found = RuleMatch {
                    rule,
                    count: 0,
                    scopes: 0,
                    packets: Vec::new(),
                    groups: BTreeMap::new(),
                };
                for state in states.values() {
                    if state.complete(rule, rule.steps.len()) && !state.spoiled {
                        found.scopes += 1;
                        found.count += state.count;
                        found.packets.extend(&state.packets);
                        for (value, count) in &state.groups {
                            *found.groups.entry(value.clone()).or_default() += count;
                        }
                    }
                }
                found.packets.sort_unstable();
                found.packets.truncate(EXAMPLES);
                (found.scopes > 0).then_some(found)
            })
            .collect()
    }

    /// Notes the processes that begin, and forgets all of them where packets are
    /// missing.
    fn follow_processes(&mut self, entry: &Entry<'_>) {
        let incomplete = entry.analysis.call.is_some_and(|call| call.incomplete);
        if incomplete || entry.packet.header.kind == RecordKind::Lost {
            self.whole.clear();
        }
        for change in entry.changes {
            let begins = change.end.is_none() && change.entity.created.packet != 0;
            if begins && change.entity.kind == Some(ObjectKind::Process) {
                if self.whole.len() >= SCOPES {
                    self.whole.clear();
                }
                self.whole.insert(change.entity.handle);
            }
        }
    }

    /// Remembers the field of a request by which its reply is counted.
    fn remember(&mut self, entry: &Entry<'_>, place: Option<usize>) {
        let Some(fields) = place.and_then(|place| self.index.grouped.get(place)) else {
            return;
        };
        let Some(decoded) = &entry.analysis.decoded else {
            return;
        };
        if decoded.part != MessagePart::Request || self.asked.len() >= REMEMBERED {
            return;
        }
        let spot = decoded.body.as_ref().and_then(|body| {
            let field = fields
                .get(usize::from(body.layout.form_index))
                .copied()
                .flatten();
            Some(body.field_ref(field?))
        });
        if let Some(value) = spot.as_ref().and_then(FieldRef::value) {
            self.asked.insert(entry.packet.number, shown(&value));
        }
    }
}

impl Sink for RuleRun<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.see(entry);
        Ok(())
    }
}

impl RuleState {
    /// Whether all that a rule wants was seen, up to `steps` of its steps.
    fn complete(&self, rule: &Rule, steps: usize) -> bool {
        let mut wanted = rule.steps.iter().enumerate().take(steps);
        wanted.all(|(index, step)| self.seen.get(index).copied().unwrap_or(0) >= step.count)
    }

    /// Counts a packet of a step, if its turn has come.
    fn progress(&mut self, rule: &Rule, index: usize, step: &RuleStep, time: u64) {
        if !rule.any_order && !self.complete(rule, index) {
            return;
        }
        let late = |within| index > 0 && time.saturating_sub(self.since) > within;
        if step.within.is_some_and(late) {
            return;
        }
        if self.seen.len() <= index {
            self.seen.resize(index + 1, 0);
        }
        if let Some(seen) = self.seen.get_mut(index) {
            *seen += 1;
            if *seen == step.count || index == 0 {
                self.since = time;
            }
        }
    }

    /// Notes a packet of the first step.
    fn note(&mut self, number: u64, group: Option<&String>) {
        self.count += 1;
        if self.packets.len() < EXAMPLES {
            self.packets.push(number);
        }
        let Some(group) = group else { return };
        if let Some(count) = self.groups.get_mut(group) {
            *count += 1;
        } else if self.groups.len() < GROUPS {
            self.groups.insert(group.clone(), 1);
        }
    }
}

impl RuleIndex {
    /// The rules to ask about a packet, whatever is found in it.
    fn row(&self, aspect: PacketAspect, place: Option<usize>) -> &[usize] {
        self.by_message
            .get(row(aspect, place))
            .map_or(&[], Vec::as_slice)
    }

    /// The rules to ask if that is found.
    fn with(&self, code: Code) -> &[usize] {
        self.by_code.get(code as usize).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, rule: usize, matcher: &Matcher) {
        for code in &matcher.findings {
            if let Some(rules) = self.by_code.get_mut(*code as usize) {
                rules.push(rule);
            }
        }
        if !matcher.findings.is_empty() {
            return;
        }
        let places: Vec<Option<usize>> = if matcher.messages.is_empty() {
            (0..ROWS).map(Some).collect()
        } else {
            let places = matcher.messages.iter();
            places
                .map(|message| table::catalog_index(message))
                .collect()
        };
        let aspects = PacketAspect::ALL.into_iter();
        for aspect in aspects.filter(|aspect| matcher.admits(*aspect)) {
            for place in &places {
                if let Some(rules) = self.by_message.get_mut(row(aspect, *place)) {
                    rules.push(rule);
                }
            }
        }
    }

    fn group(&mut self, step: &RuleStep) {
        let Some(name) = &step.group else { return };
        for message in &step.matcher.messages {
            let place = table::catalog_index(message);
            if let Some(fields) = place.and_then(|place| self.grouped.get_mut(place)) {
                for (field, layout) in fields.iter_mut().zip(message.requests.layouts()) {
                    *field = layout.field(name);
                }
            }
        }
    }
}

/// The place of the rules in [`RuleIndex::by_message`].
fn row(aspect: PacketAspect, place: Option<usize>) -> usize {
    aspect as usize * ROWS + place.unwrap_or(ROWS - 1)
}

/// Holds a packet against a rule.
fn apply(
    rule: &Rule,
    states: &mut FxHashMap<u64, RuleState>,
    asked: &FxHashMap<u64, String>,
    whole: &FxHashSet<u64>,
    entry: &Entry<'_>,
    aspect: PacketAspect,
) {
    let spoils = rule
        .unless
        .iter()
        .any(|matcher| matcher.fits(entry, aspect));
    let begins = |index: usize| index == 0 || rule.any_order;
    let steps = rule.steps.iter().enumerate();
    let mut fitting = steps
        .filter(|(_, step)| step.matcher.fits(entry, aspect))
        .peekable();
    let first = fitting.peek().map(|(index, _)| *index);
    if !spoils && first.is_none() {
        return;
    }
    let scope = scope(rule.scope, entry);
    // Without a state there is nothing to go on with, only to begin.
    if !(spoils || first.is_some_and(begins) || states.contains_key(&scope)) {
        return;
    }
    let Some(state) = state(states, scope) else {
        return;
    };
    state.spoiled |= spoils || (rule.whole_process && !whole.contains(&scope));
    for (index, step) in fitting {
        if index == 0 {
            state.note(entry.packet.number, asked.get(&request_of(entry)));
        }
        state.progress(rule, index, step, entry.packet.time);
    }
}

/// The packet number of the request that a packet is or answers.
fn request_of(entry: &Entry<'_>) -> u64 {
    let request = entry.request;
    request.map_or(entry.packet.number, |request| request.number)
}

/// The scope that a packet belongs to.
fn scope(scope: RuleScope, entry: &Entry<'_>) -> u64 {
    match scope {
        RuleScope::Capture => 0,
        RuleScope::Channel => u64::from(entry.packet.header.channel),
        RuleScope::Process => {
            let asked = entry.request.map(|request| request.process);
            let own = || {
                let frame = entry
                    .analysis
                    .decoded
                    .as_ref()
                    .and_then(|decoded| decoded.frame);
                frame.map(|frame| frame.process)
            };
            u64::from(asked.or_else(own).unwrap_or(0))
        }
    }
}

fn state(states: &mut FxHashMap<u64, RuleState>, scope: u64) -> Option<&mut RuleState> {
    if states.len() >= SCOPES && !states.contains_key(&scope) {
        return None;
    }
    Some(states.entry(scope).or_default())
}

/// A value as the key of a group: short.
fn shown(value: &Value<'_>) -> String {
    let text = value.to_string();
    let end = text.floor_char_boundary(64);
    text.get(..end).unwrap_or(&text).to_owned()
}
