//! The file format of rules.

use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::error::RuleError;
use super::matcher::{Matcher, PacketPattern};

/// The meaning of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleVerdict {
    /// Harmless, although it looks like a fault.
    Harmless,
    /// A publicly reported fault.
    Known,
    /// Not a fault by itself, but a hint where to look.
    Hint,
}

impl RuleVerdict {
    /// The verdict in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Known => "known issue",
            Self::Hint => "hint",
        }
    }
}

/// The packets that a rule considers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// All packets of the capture.
    #[default]
    Capture,
    /// The packets of each process, by its host handle.
    Process,
    /// The packets of each channel.
    Channel,
}

/// A known issue.
#[derive(Debug)]
pub struct Rule {
    /// Its short name, which is that of its file.
    pub name: String,
    /// Its title, as a phrase.
    pub title: String,
    /// The meaning of a match.
    pub verdict: RuleVerdict,
    /// What happens, and how that is known.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// Where it is discussed: `owner/repository#number`, or a link.
    pub issues: Vec<String>,
    /// Public reports that have no permanent link, in words.
    pub reports: Vec<String>,
    /// Patterns for kernel log lines that belong to it.
    pub dmesg: Vec<LogPattern>,
    /// Example lines that `dmesg` must match, checked by a test.
    pub examples: Vec<String>,
    /// Lines for which `dmesg` must not match, although they are similar.
    pub near_misses: Vec<String>,
    /// The packets that a rule considers together.
    pub scope: RuleScope,
    /// The packets that must occur.
    pub steps: Vec<RuleStep>,
    /// Whether the steps may come in any order.
    pub any_order: bool,
    /// Whether it applies only to processes that were captured from their start
    /// without a loss and have no unanswered request.
    pub whole_process: bool,
    /// Packets that must not occur anywhere in the scope.
    pub unless: Vec<Matcher>,
}

/// A step of a rule.
#[derive(Debug)]
pub struct RuleStep {
    /// The packets that match.
    pub matcher: Matcher,
    /// The number of packets that must match.
    pub count: u64,
    /// Maximum time after the previous step, in nanoseconds.
    pub within: Option<u64>,
    /// The field of the request by whose value the packets are counted.
    pub group: Option<String>,
}

/// The contents of a rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    title: String,
    verdict: RuleVerdict,
    what: String,
    next: String,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    reports: Vec<String>,
    #[serde(default)]
    dmesg: Vec<String>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    near_misses: Vec<String>,
    #[serde(default)]
    scope: RuleScope,
    #[serde(default)]
    any_order: bool,
    #[serde(default)]
    whole_process: bool,
    #[serde(default, rename = "step")]
    steps: Vec<FileStep>,
    #[serde(default)]
    unless: Vec<PacketPattern>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStep {
    #[serde(rename = "see")]
    pattern: PacketPattern,
    count: Option<u64>,
    within_seconds: Option<f64>,
    group: Option<String>,
}

/// A pattern for kernel log lines. It is compiled on first use, because
/// compiling is slow and most commands read no log.
#[derive(Debug)]
pub struct LogPattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl LogPattern {
    fn new(text: String) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }

    /// Whether a line matches. An invalid pattern matches no line.
    pub fn is_match(&self, line: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(line))
    }
}

impl Rule {
    /// Reads the rule `name` from the text of its file.
    ///
    /// # Errors
    /// The text is not valid TOML, or not a valid rule.
    pub fn parse(name: &str, text: &str) -> Result<Self, RuleError> {
        let rule = Self::parse_shipped(name, text)?;
        for pattern in &rule.dmesg {
            Regex::new(&pattern.text).map_err(|error| RuleError::Invalid {
                rule: name.to_owned(),
                reason: error.to_string(),
            })?;
        }
        Ok(rule)
    }

    /// Like [`parse`](Self::parse), for a rule whose patterns are known to be
    /// valid.
    pub(super) fn parse_shipped(name: &str, text: &str) -> Result<Self, RuleError> {
        let invalid = |reason: String| RuleError::Invalid {
            rule: name.to_owned(),
            reason,
        };
        let file: RuleFile = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let dmesg: Vec<_> = file.dmesg.into_iter().map(LogPattern::new).collect();
        let steps = file
            .steps
            .into_iter()
            .map(|step| step.compile())
            .collect::<Result<Vec<_>, _>>()
            .map_err(invalid)?;
        let unless = file
            .unless
            .into_iter()
            .map(PacketPattern::compile)
            .collect::<Result<Vec<_>, _>>()
            .map_err(invalid)?;
        if steps.is_empty() && dmesg.is_empty() {
            return Err(invalid("it has neither [[step]] nor dmesg".to_owned()));
        }
        let at_end = |step: &RuleStep| step.matcher.is_unanswered();
        if steps.iter().rev().skip(1).any(at_end) {
            return Err(invalid("`unanswered` can only be the last step".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            title: file.title,
            verdict: file.verdict,
            what: file.what,
            next: file.next,
            issues: file.issues,
            reports: file.reports,
            dmesg,
            examples: file.examples,
            near_misses: file.near_misses,
            scope: file.scope,
            steps,
            any_order: file.any_order,
            whole_process: file.whole_process,
            unless,
        })
    }

    /// Where it is discussed, as links.
    pub fn links(&self) -> Vec<String> {
        self.issues.iter().map(|issue| issue_link(issue)).collect()
    }
}

impl FileStep {
    fn compile(self) -> Result<RuleStep, String> {
        let within = match self.within_seconds {
            Some(seconds) if !(0.0..=1e9).contains(&seconds) => {
                return Err(format!(
                    "within_seconds = {seconds} is not between 0 and 1e9"
                ));
            }
            // Within u64 by the check above.
            seconds => seconds.map(|seconds| (seconds * 1e9) as u64),
        };
        Ok(RuleStep {
            matcher: self.pattern.compile()?,
            count: self.count.unwrap_or(1).max(1),
            within,
            group: self.group,
        })
    }
}

/// `owner/repository#number` as a link; links are returned unchanged.
fn issue_link(issue: &str) -> String {
    match issue.split_once('#') {
        Some((repository, number)) if !issue.contains("://") => {
            format!("https://github.com/{repository}/issues/{number}")
        }
        _ => issue.to_owned(),
    }
}
