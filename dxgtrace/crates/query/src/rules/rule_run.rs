//! Applies rules to a capture.

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

/// Maximum number of scopes (processes, channels) for each rule; further ones
/// are ignored.
const SCOPES_MAX: usize = 4096;
/// Number of packets that are listed for a match.
const EXAMPLES_MAX: usize = 5;
/// Maximum number of group values that are counted.
const GROUPS_MAX: usize = 32;
/// Maximum number of requests whose group value is kept until the reply.
const REQUESTS_MAX: usize = 4096;

/// A rule that the capture matches.
#[derive(Debug)]
pub struct RuleMatch<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Number of packets of its first step, over all scopes.
    pub count: u64,
    /// Number of scopes (processes, channels) in which it matched.
    pub scopes: u64,
    /// Numbers of the first packets.
    pub packets: Vec<u64>,
    /// Number of those packets for each value of the rule's group field.
    pub groups: BTreeMap<String, u64>,
}

/// Rows of [`RuleIndex::by_message`] for each aspect: the last is for packets without
/// a message.
const MESSAGE_ROWS: usize = table::INDEX_SIZE + 1;

/// The state of a rule in one scope.
#[derive(Debug, Default)]
struct RuleState {
    /// Number of packets of each step.
    step_counts: Vec<u64>,
    /// Time at which the last completed step was completed.
    last_step_time: u64,
    /// Packets of the first step.
    count: u64,
    packets: Vec<u64>,
    groups: BTreeMap<String, u64>,
    /// Whether the scope cannot match: an `unless` pattern matched, or the
    /// process was not captured completely.
    excluded: bool,
}

/// Index of the rules that may match a packet.
#[derive(Debug)]
struct RuleIndex {
    /// Rules with a pattern that needs a finding, by its code.
    by_code: Vec<Vec<usize>>,
    /// The other rules, by the aspect of the packet and its message: see
    /// [`row_index`].
    by_message: Vec<Vec<usize>>,
    /// The group field of each form of a message's request, by message.
    group_fields: Vec<[Option<&'static Field>; MAX_FORMS]>,
}

/// The state of all rules over a capture.
#[derive(Debug)]
pub struct RuleRun<'a> {
    rules: &'a [Rule],
    states: Vec<FxHashMap<u64, RuleState>>,
    index: RuleIndex,
    group_values: FxHashMap<u64, String>,
    candidates: Vec<usize>,
    /// Handles of the processes that were captured from their start without a
    /// loss.
    complete_processes: FxHashSet<u64>,
}

impl Rules {
    /// Creates a run at the start of a capture.
    pub fn start_run(&self) -> RuleRun<'_> {
        RuleRun::new(self.all())
    }
}

impl<'a> RuleRun<'a> {
    pub(super) fn new(rules: &'a [Rule]) -> Self {
        let mut index = RuleIndex {
            by_code: vec![Vec::new(); Code::ALL.len()],
            by_message: vec![Vec::new(); MESSAGE_ROWS * PacketAspect::ALL.len()],
            group_fields: vec![[None; MAX_FORMS]; table::INDEX_SIZE],
        };
        for (number, rule) in rules.iter().enumerate() {
            let matchers = rule.steps.iter().map(|step| &step.matcher);
            for matcher in matchers.chain(&rule.unless) {
                index.add(number, matcher);
            }
            for step in &rule.steps {
                index.add_group(step);
            }
        }
        Self {
            rules,
            states: rules.iter().map(|_| FxHashMap::default()).collect(),
            index,
            group_values: FxHashMap::default(),
            candidates: Vec::new(),
            complete_processes: FxHashSet::default(),
        }
    }

    /// Applies the rules to the next packet.
    pub fn analyze(&mut self, entry: &Entry<'_>) {
        let message = entry
            .analysis
            .decoded
            .as_ref()
            .and_then(|decoded| decoded.message);
        let place = message.and_then(table::catalog_index);
        self.record_group_value(entry, place);
        self.track_processes(entry);
        let aspect = PacketAspect::of(entry);
        let Self {
            rules,
            states,
            index,
            group_values,
            candidates,
            complete_processes,
            ..
        } = self;
        let mut numbers = index.rules_for_message(aspect, place);
        if !entry.findings.is_empty() {
            candidates.clear();
            candidates.extend_from_slice(numbers);
            for finding in entry.findings {
                candidates.extend_from_slice(index.rules_for_code(finding.code()));
            }
            candidates.sort_unstable();
            candidates.dedup();
            numbers = candidates;
        }
        for number in numbers {
            if let (Some(rule), Some(states)) = (rules.get(*number), states.get_mut(*number)) {
                apply_rule(
                    rule,
                    states,
                    group_values,
                    complete_processes,
                    entry,
                    aspect,
                );
            }
        }
        if let Some(request) = entry.request
            && !self.group_values.is_empty()
        {
            self.group_values.remove(&request.number);
        }
    }

    /// Applies the rules at the end of the capture to the requests that the
    /// host did not answer.
    pub fn finish(&mut self, unanswered: &[UnansweredRequest]) {
        for (rule, states) in self.rules.iter().zip(&mut self.states) {
            if rule.whole_process {
                for one in unanswered {
                    if let Some(state) = states.get_mut(&u64::from(one.request.process)) {
                        state.excluded = true;
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
                if *waited < least || !step.matcher.matches_message(request.pending.message) {
                    continue;
                }
                let scope = match rule.scope {
                    RuleScope::Capture => 0,
                    RuleScope::Process => u64::from(request.process),
                    RuleScope::Channel => u64::from(request.header.channel),
                };
                let Some(state) = state_of(states, scope) else {
                    continue;
                };
                let index = rule.steps.len() - 1;
                if index == 0 {
                    state.record_packet(request.number, None);
                }
                state.advance(rule, index, step, request.time);
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
                    if state.has_steps(rule, rule.steps.len()) && !state.excluded {
                        found.scopes += 1;
                        found.count += state.count;
                        found.packets.extend(&state.packets);
                        for (value, count) in &state.groups {
                            *found.groups.entry(value.clone()).or_default() += count;
                        }
                    }
                }
                found.packets.sort_unstable();
                found.packets.truncate(EXAMPLES_MAX);
                (found.scopes > 0).then_some(found)
            })
            .collect()
    }

    /// Records processes that start, and clears the record when packets are
    /// missing.
    fn track_processes(&mut self, entry: &Entry<'_>) {
        let incomplete = entry.analysis.call.is_some_and(|call| call.incomplete);
        if incomplete || entry.packet.header.kind == RecordKind::Lost {
            self.complete_processes.clear();
        }
        for change in entry.changes {
            let begins = change.end.is_none() && change.entity.created.packet != 0;
            if begins && change.entity.kind == Some(ObjectKind::Process) {
                if self.complete_processes.len() >= SCOPES_MAX {
                    self.complete_processes.clear();
                }
                self.complete_processes.insert(change.entity.handle);
            }
        }
    }

    /// Keeps the group value of a request for its reply.
    fn record_group_value(&mut self, entry: &Entry<'_>, place: Option<usize>) {
        let Some(fields) = place.and_then(|place| self.index.group_fields.get(place)) else {
            return;
        };
        let Some(decoded) = &entry.analysis.decoded else {
            return;
        };
        if decoded.part != MessagePart::Request || self.group_values.len() >= REQUESTS_MAX {
            return;
        }
        let field_ref = decoded.body.as_ref().and_then(|body| {
            let field = fields
                .get(usize::from(body.layout.form_index))
                .copied()
                .flatten();
            Some(body.field_ref(field?))
        });
        if let Some(value) = field_ref.as_ref().and_then(FieldRef::value) {
            self.group_values
                .insert(entry.packet.number, group_key(&value));
        }
    }
}

impl Sink for RuleRun<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.analyze(entry);
        Ok(())
    }
}

impl RuleState {
    /// Whether the first `steps` steps of the rule are complete.
    fn has_steps(&self, rule: &Rule, steps: usize) -> bool {
        let mut wanted = rule.steps.iter().enumerate().take(steps);
        wanted.all(|(index, step)| self.step_counts.get(index).copied().unwrap_or(0) >= step.count)
    }

    /// Counts a packet of a step, if the order and time limits allow it.
    fn advance(&mut self, rule: &Rule, index: usize, step: &RuleStep, time: u64) {
        if !rule.any_order && !self.has_steps(rule, index) {
            return;
        }
        let late = |within| index > 0 && time.saturating_sub(self.last_step_time) > within;
        if step.within.is_some_and(late) {
            return;
        }
        if self.step_counts.len() <= index {
            self.step_counts.resize(index + 1, 0);
        }
        if let Some(seen) = self.step_counts.get_mut(index) {
            *seen += 1;
            if *seen == step.count || index == 0 {
                self.last_step_time = time;
            }
        }
    }

    /// Records a packet of the first step.
    fn record_packet(&mut self, number: u64, group: Option<&String>) {
        self.count += 1;
        if self.packets.len() < EXAMPLES_MAX {
            self.packets.push(number);
        }
        let Some(group) = group else { return };
        if let Some(count) = self.groups.get_mut(group) {
            *count += 1;
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.insert(group.clone(), 1);
        }
    }
}

impl RuleIndex {
    /// The rules for a packet, regardless of its findings.
    fn rules_for_message(&self, aspect: PacketAspect, place: Option<usize>) -> &[usize] {
        self.by_message
            .get(row_index(aspect, place))
            .map_or(&[], Vec::as_slice)
    }

    /// The rules for a packet with this finding.
    fn rules_for_code(&self, code: Code) -> &[usize] {
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
            (0..MESSAGE_ROWS).map(Some).collect()
        } else {
            let places = matcher.messages.iter();
            places
                .map(|message| table::catalog_index(message))
                .collect()
        };
        let aspects = PacketAspect::ALL.into_iter();
        for aspect in aspects.filter(|aspect| matcher.may_match(*aspect)) {
            for place in &places {
                if let Some(rules) = self.by_message.get_mut(row_index(aspect, *place)) {
                    rules.push(rule);
                }
            }
        }
    }

    fn add_group(&mut self, step: &RuleStep) {
        let Some(name) = &step.group else { return };
        for message in &step.matcher.messages {
            let place = table::catalog_index(message);
            if let Some(fields) = place.and_then(|place| self.group_fields.get_mut(place)) {
                for (field, layout) in fields.iter_mut().zip(message.requests.layouts()) {
                    *field = layout.field(name);
                }
            }
        }
    }
}

/// The place of the rules in [`RuleIndex::by_message`].
fn row_index(aspect: PacketAspect, place: Option<usize>) -> usize {
    aspect as usize * MESSAGE_ROWS + place.unwrap_or(MESSAGE_ROWS - 1)
}

/// Applies one rule to a packet.
fn apply_rule(
    rule: &Rule,
    states: &mut FxHashMap<u64, RuleState>,
    group_values: &FxHashMap<u64, String>,
    complete_processes: &FxHashSet<u64>,
    entry: &Entry<'_>,
    aspect: PacketAspect,
) {
    let excludes = rule
        .unless
        .iter()
        .any(|matcher| matcher.matches(entry, aspect));
    let may_start = |index: usize| index == 0 || rule.any_order;
    let steps = rule.steps.iter().enumerate();
    let mut fitting = steps
        .filter(|(_, step)| step.matcher.matches(entry, aspect))
        .peekable();
    let first = fitting.peek().map(|(index, _)| *index);
    if !excludes && first.is_none() {
        return;
    }
    let scope = scope_of(rule.scope, entry);
    // In a scope without a state, only a first step can match.
    if !(excludes || first.is_some_and(may_start) || states.contains_key(&scope)) {
        return;
    }
    let Some(state) = state_of(states, scope) else {
        return;
    };
    state.excluded |= excludes || (rule.whole_process && !complete_processes.contains(&scope));
    for (index, step) in fitting {
        if index == 0 {
            state.record_packet(entry.packet.number, group_values.get(&request_of(entry)));
        }
        state.advance(rule, index, step, entry.packet.time);
    }
}

/// The packet number of the request that a packet is or answers.
fn request_of(entry: &Entry<'_>) -> u64 {
    let request = entry.request;
    request.map_or(entry.packet.number, |request| request.number)
}

/// The scope that a packet belongs to.
fn scope_of(scope: RuleScope, entry: &Entry<'_>) -> u64 {
    match scope {
        RuleScope::Capture => 0,
        RuleScope::Channel => u64::from(entry.packet.header.channel),
        RuleScope::Process => {
            let of_request = entry.request.map(|request| request.process);
            let of_packet = || {
                let frame = entry
                    .analysis
                    .decoded
                    .as_ref()
                    .and_then(|decoded| decoded.frame);
                frame.map(|frame| frame.process)
            };
            u64::from(of_request.or_else(of_packet).unwrap_or(0))
        }
    }
}

fn state_of(states: &mut FxHashMap<u64, RuleState>, scope: u64) -> Option<&mut RuleState> {
    if states.len() >= SCOPES_MAX && !states.contains_key(&scope) {
        return None;
    }
    Some(states.entry(scope).or_default())
}

/// A value as the key of a group, truncated to 64 bytes.
fn group_key(value: &Value<'_>) -> String {
    let text = value.to_string();
    let end = text.floor_char_boundary(64);
    text.get(..end).unwrap_or(&text).to_owned()
}
