//! The kernel's statistics of the loaded programs.

use std::{fs, os::fd::RawFd};

/// The kernel's statistics of a loaded program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramReport {
    /// Its name.
    pub name: &'static str,
    /// Instructions that the verifier processed; known since Linux 5.16.
    pub verified_instructions: Option<u64>,
    /// Number of runs; counted only while `kernel.bpf_stats_enabled` is set.
    pub runs: u64,
    /// Total time of the runs in nanoseconds; counted as `runs`.
    pub run_time: u64,
    /// Runs that were skipped because the program was running already on the same
    /// processor, on channels of any device; counted since Linux 5.12.
    pub recursion_misses: u64,
}

/// The statistics of `programs`, given by name and file descriptor.
pub(super) fn reports(programs: &[(&'static str, RawFd)]) -> Vec<ProgramReport> {
    programs
        .iter()
        .filter_map(|(name, fd)| {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
            Some(report(name, &info))
        })
        .collect()
}

/// Sum of [`ProgramReport::recursion_misses`] over `programs`.
pub(super) fn recursion_misses(programs: &[(&'static str, RawFd)]) -> u64 {
    let reports = reports(programs);
    reports.iter().map(|report| report.recursion_misses).sum()
}

fn report(name: &'static str, info: &str) -> ProgramReport {
    let value = |key: &str| {
        info.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == key).then(|| value.trim().parse().ok())?
        })
    };
    ProgramReport {
        name,
        verified_instructions: value("verified_insns"),
        runs: value("run_cnt").unwrap_or(0),
        run_time: value("run_time_ns").unwrap_or(0),
        recursion_misses: value("recursion_misses").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::report;

    #[test]
    fn a_report_is_read_from_the_file_descriptor_s_lines() {
        let info =
            "pos:\t0\nprog_type:\t2\nrun_time_ns:\t900\nrun_cnt:\t3\nverified_insns:\t1213\n";
        let report = report("x", info);
        assert_eq!((report.runs, report.run_time), (3, 900));
        assert_eq!(
            (report.verified_instructions, report.recursion_misses),
            (Some(1213), 0)
        );
    }
}
