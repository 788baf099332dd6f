//! The capture filter, which the probe evaluates in the kernel, in a line such
//! as `pid 4242 or 4243 and comm python3 and channel vgpu0`.
//!
//! ```text
//! filter = choice { "and" choice }
//! choice = kind value { "or" [kind] value }
//! kind   = "pid" | "comm" | "channel"
//! ```
//!
//! "or" joins values of one kind, so parentheses are not needed. Display
//! filters support everything else.

use super::channels::ChannelSelector;

/// The packets to capture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureFilter {
    /// Only requests of these processes; empty for all.
    pub pids: Vec<u32>,
    /// Only requests of threads with this name; `None` for all.
    pub comm: Option<String>,
    /// Only packets on these channels; empty for all.
    pub channels: Vec<ChannelSelector>,
}

/// Why a capture filter is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCaptureFilter {
    /// A word is not a kind.
    #[error(
        "a capture filter chooses by pid, comm or channel, not by `{0}`; a display filter (-Y) \
         knows every field"
    )]
    Kind(String),
    /// The value after a kind is missing.
    #[error("after `{0}`, the capture filter ends without a value")]
    Missing(&'static str),
    /// A value is not valid for its kind.
    #[error("`{value}` is not a {kind}{hint}")]
    Value {
        /// The kind.
        kind: &'static str,
        /// The word in place of the value.
        value: String,
        /// A hint that starts with a colon; may be empty.
        hint: String,
    },
    /// A kind occurs on both sides of an "and".
    #[error("no packet has two values of `{0}`: write `{0} A or B`")]
    Twice(&'static str),
    /// More than one thread name is given.
    #[error("the kernel compares one name: a capture filter takes one comm")]
    Names,
    /// An "or" joins different kinds.
    #[error(
        "`or` joins values of one kind here, and `{0}` is none of `{1}`: a display filter (-Y) \
         can ask for either"
    )]
    Mixed(String, &'static str),
    /// An "and" or "or" is missing.
    #[error("after a value comes `and` or `or`, not `{0}`")]
    Joint(String),
    /// A quote is not closed.
    #[error("a quote is not closed in the capture filter")]
    Quote,
}

const KINDS: [&str; 3] = ["pid", "comm", "channel"];

impl CaptureFilter {
    /// Parses a filter. An empty one matches every packet.
    ///
    /// # Errors
    /// The syntax is invalid, or the filter uses something that the probe
    /// cannot evaluate.
    pub fn parse(text: &str) -> Result<Self, NoCaptureFilter> {
        let words = words(text)?;
        let mut words = words.iter().map(String::as_str).peekable();
        let mut filter = Self::default();
        let mut seen = Vec::new();
        while let Some(word) = words.next() {
            let kind = kind(word).ok_or_else(|| NoCaptureFilter::Kind(word.to_owned()))?;
            if seen.contains(&kind) {
                return Err(NoCaptureFilter::Twice(kind));
            }
            seen.push(kind);
            loop {
                words.next_if(|word| matches!(*word, "==" | "="));
                let value = words.next().ok_or(NoCaptureFilter::Missing(kind))?;
                filter.add(kind, value)?;
                if words.next_if(|word| matches!(*word, "or" | "||")).is_none() {
                    break;
                }
                let again = words.next_if(|word| self::kind(word).is_some());
                if let Some(other) = again.filter(|again| *again != kind) {
                    return Err(NoCaptureFilter::Mixed(other.to_owned(), kind));
                }
            }
            match words.next() {
                None => break,
                Some("and" | "&&") if words.peek().is_some() => {}
                Some("and" | "&&") => return Err(NoCaptureFilter::Missing("and")),
                Some(word) => return Err(NoCaptureFilter::Joint(word.to_owned())),
            }
        }
        Ok(filter)
    }

    fn add(&mut self, kind: &'static str, value: &str) -> Result<(), NoCaptureFilter> {
        let wrong = |hint: String| NoCaptureFilter::Value {
            kind,
            value: value.to_owned(),
            hint,
        };
        match kind {
            "pid" => self
                .pids
                .push(value.parse().map_err(|_| wrong(String::new()))?),
            "comm" if self.comm.is_some() => return Err(NoCaptureFilter::Names),
            "comm" => self.comm = Some(value.to_owned()),
            _ => self
                .channels
                .push(value.parse().map_err(|hint| wrong(format!(": {hint}")))?),
        }
        Ok(())
    }
}

fn kind(word: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| *kind == word)
}

/// The words of a filter; a quoted text is one word.
fn words(text: &str) -> Result<Vec<String>, NoCaptureFilter> {
    let mut words = Vec::new();
    let mut parts = text.split('"');
    while let Some(plain) = parts.next() {
        words.extend(plain.split_whitespace().map(str::to_owned));
        if let Some(quoted) = parts.next() {
            words.push(quoted.to_owned());
        }
    }
    match text.matches('"').count().is_multiple_of(2) {
        true => Ok(words),
        false => Err(NoCaptureFilter::Quote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_probe_can_choose_by_is_understood() {
        let filter = CaptureFilter::parse(
            r#"pid 7 or pid == 8 or 9 and comm "Web Content" && channel vgpu0 or global"#,
        );
        let filter = filter.unwrap();
        assert_eq!(filter.pids, [7, 8, 9]);
        assert_eq!(filter.comm.as_deref(), Some("Web Content"));
        assert_eq!(filter.channels.len(), 2);
        assert_eq!(CaptureFilter::parse(" "), Ok(CaptureFilter::default()));
    }

    #[test]
    fn what_it_cannot_is_said() {
        for (text, said) in [
            ("dxg.status != 0", "not by `dxg.status`"),
            ("not pid 1", "not by `not`"),
            ("pid", "ends without a value"),
            ("pid 1 and", "ends without a value"),
            ("pid x", "`x` is not a pid"),
            ("pid 1 and pid 2", "write `pid A or B`"),
            ("pid 1 or comm a", "`or` joins values of one kind"),
            ("comm a or b", "one name"),
            ("pid 1 2", "comes `and` or `or`"),
            ("comm \"a", "quote"),
            ("channel eth0", "say all, global"),
        ] {
            let error = CaptureFilter::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
