//! A rule as it stands in its file.

use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::error::RuleError;
use super::matcher::{Matcher, PacketPattern};

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleVerdict {
    /// Looks bad and is not.
    Harmless,
    /// A fault that was reported in public.
    Known,
    /// No fault by itself, but where to look.
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

/// Whose packets are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// All of the capture.
    #[default]
    Capture,
    /// Each process by itself, as the host numbers them.
    Process,
    /// Each channel by itself.
    Channel,
}

/// A known issue.
#[derive(Debug)]
pub struct Rule {
    /// Short name, the same as the file's.
    pub name: String,
    /// In half a sentence.
    pub title: String,
    /// What a match means.
    pub verdict: RuleVerdict,
    /// What happens, and how it was found out.
    pub what: String,
    /// What to do.
    pub next: String,
    /// Where it is discussed: `owner/repository#number`, or a link.
    pub issues: Vec<String>,
    /// Public reports without an address that lasts, in words.
    pub reports: Vec<String>,
    /// Lines of the kernel log that belong to it.
    pub dmesg: Vec<LogPattern>,
    /// Lines for which `dmesg` must match: the rule's own test.
    pub examples: Vec<String>,
    /// Lines for which `dmesg` must not match, although they look alike.
    pub near_misses: Vec<String>,
    /// Whose packets are taken together.
    pub scope: RuleScope,
    /// What must be seen.
    pub steps: Vec<RuleStep>,
    /// Whether the steps may come in any order.
    pub any_order: bool,
    /// Whether it says something only of processes whose life is in the capture
    /// from its begin on, without a loss, and of which no request is unanswered.
    pub whole_process: bool,
    /// What must not be seen, anywhere in the scope.
    pub unless: Vec<Matcher>,
}

/// Something that must be seen.
#[derive(Debug)]
pub struct RuleStep {
    /// What.
    pub matcher: Matcher,
    /// How often.
    pub count: u64,
    /// At most so long after the step before, in nanoseconds.
    pub within: Option<u64>,
    /// The request's field whose values are counted apart.
    pub group: Option<String>,
}

/// The file's form.
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

/// A pattern for lines of the kernel log. It is compiled when the first line is
/// held against it, since that takes long and most commands read no log.
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

    /// Whether a line matches. None matches what is no pattern.
    pub fn is_match(&self, line: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(line))
    }
}

impl Rule {
    /// Reads the rule `name` from the text of its file.
    ///
    /// # Errors
    /// The text is no TOML, or says something that means nothing here.
    pub fn parse(name: &str, text: &str) -> Result<Self, RuleError> {
        let rule = Self::parse_shipped(name, text)?;
        for pattern in &rule.dmesg {
            Regex::new(&pattern.text).map_err(|error| RuleError::Wrong {
                rule: name.to_owned(),
                what: error.to_string(),
            })?;
        }
        Ok(rule)
    }

    /// The same of a rule whose patterns are known to be right.
    pub(super) fn parse_shipped(name: &str, text: &str) -> Result<Self, RuleError> {
        let wrong = |what: String| RuleError::Wrong {
            rule: name.to_owned(),
            what,
        };
        let file: RuleFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let dmesg: Vec<_> = file.dmesg.into_iter().map(LogPattern::new).collect();
        let steps = file
            .steps
            .into_iter()
            .map(|step| step.compile())
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        let unless = file
            .unless
            .into_iter()
            .map(PacketPattern::compile)
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        if steps.is_empty() && dmesg.is_empty() {
            return Err(wrong("it has neither [[step]] nor dmesg".to_owned()));
        }
        let at_end = |step: &RuleStep| step.matcher.is_unanswered();
        if steps.iter().rev().skip(1).any(at_end) {
            return Err(wrong("`unanswered` can only be the last step".to_owned()));
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
        self.issues.iter().map(|issue| link(issue)).collect()
    }
}

impl FileStep {
    fn compile(self) -> Result<RuleStep, String> {
        let within = match self.within_seconds {
            Some(seconds) if !(0.0..=1e9).contains(&seconds) => {
                return Err(format!("within_seconds = {seconds} makes no sense"));
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

/// `owner/repository#number` as a link; links stay as they are.
fn link(issue: &str) -> String {
    match issue.split_once('#') {
        Some((repository, number)) if !issue.contains("://") => {
            format!("https://github.com/{repository}/issues/{number}")
        }
        _ => issue.to_owned(),
    }
}
