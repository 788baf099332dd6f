//! Kernel versions, and whether a kernel may preempt a task inside the probe.
//!
//! While a program attached by fentry is preempted, the calls that other threads
//! make on the same processor are missed.

/// Parses a release such as `6.1.0-54-amd64` into (6, 1).
pub fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The context in which the driver calls a hooked function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallContext {
    /// A thread, in process context.
    Thread,
    /// The softirq that receives packets.
    Softirq,
}

/// Whether the kernel may preempt code that runs in `context`.
///
/// `build` is the content of `/proc/version`, `model` that of
/// `/sys/kernel/debug/sched/preempt`, empty if unreadable. Without `model`, the
/// mode of a `PREEMPT_DYNAMIC` kernel is not known: kernels from 6.13 on, which
/// have lazy preemption, are taken to preempt, older ones not.
pub fn preempts(
    context: CallContext,
    build: &str,
    version: Option<(u32, u32)>,
    model: &str,
) -> bool {
    let mut words = build.split_whitespace();
    match words.find(|word| word.starts_with("PREEMPT")) {
        None => false,
        // Softirqs run in threads there.
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
