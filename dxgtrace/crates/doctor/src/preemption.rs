//! What kernels do differently: by their version, and whether they preempt what
//! runs in the probe. Where they do, fentry misses the calls of whoever runs
//! instead.

/// Of a release like `6.1.0-54-amd64`: (6, 1).
pub fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Where the driver calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallContext {
    /// In threads.
    Thread,
    /// In the softirq that receives.
    Softirq,
}

/// Whether what runs there may be preempted. `build` holds the words that the
/// kernel's build has put into its version; `model` is its
/// `/sys/kernel/debug/sched/preempt`. If only the machine's start tells,
/// kernels with lazy preemption (6.13) count as preempting.
pub fn preempts(
    context: CallContext,
    build: &str,
    version: Option<(u32, u32)>,
    model: &str,
) -> bool {
    let mut words = build.split_whitespace();
    match words.find(|word| word.starts_with("PREEMPT")) {
        None => false,
        // There, softirqs are threads too.
        Some("PREEMPT_RT") => true,
        Some(_) if context == CallContext::Softirq => false,
        Some("PREEMPT_DYNAMIC") if model.is_empty() => {
            version.is_some_and(|version| version >= (6, 13))
        }
        Some("PREEMPT_DYNAMIC") => model.contains("(full)") || model.contains("(lazy)"),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_releases() {
        assert_eq!(version("6.6.87.2-microsoft-standard-WSL2"), Some((6, 6)));
        assert_eq!(version("6.18-rc1"), Some((6, 18)));
        assert_eq!(version("5.10"), Some((5, 10)));
        for odd in ["", "rc1", "odd"] {
            assert_eq!(version(odd), None);
        }
    }

    #[test]
    fn kernels_that_preempt_are_told_from_those_that_do_not() {
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1";
        let told =
            |build, version, model| preempts(CallContext::Thread, build, Some(version), model);
        assert!(!told("#1 SMP Wed Mar 2 00:30:59 UTC 2022", (5, 10), ""));
        assert!(!told(dynamic, (6, 1), ""));
        assert!(!told(dynamic, (6, 14), "none (voluntary) full lazy\n"));
        assert!(told(dynamic, (6, 1), "none voluntary (full)\n"));
        assert!(told(dynamic, (7, 3), ""));
        assert!(told("#1 SMP PREEMPT_RT x", (6, 6), ""));
        assert!(told("#1 SMP PREEMPT x", (5, 15), ""));
        let softirq = |build| preempts(CallContext::Softirq, build, Some((7, 3)), "");
        assert!(!softirq(dynamic));
        assert!(softirq("#1 SMP PREEMPT_RT x"));
    }
}
