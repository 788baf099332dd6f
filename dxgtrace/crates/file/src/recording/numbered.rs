//! Files of one capture, named as dumpcap names them.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::target::OutputTarget;
use jiff::Timestamp;

/// Names and makes `base_00001_YYYYmmddHHMMSS.pcapng` and so on, in UTC, and
/// keeps count of those that are to stay.
pub struct NumberedFiles {
    base: PathBuf,
    /// Whether there is more than one.
    several: bool,
    made: u64,
    /// Those that may have to be removed, and the latest.
    there: VecDeque<PathBuf>,
    /// How many may.
    keep: u64,
}

impl NumberedFiles {
    /// Files named after `base`, of which the latest `keep` stay.
    pub fn new(base: &Path, keep: Option<u64>) -> Self {
        Self {
            base: base.to_owned(),
            several: true,
            made: 0,
            there: VecDeque::new(),
            keep: keep.unwrap_or(u64::MAX),
        }
    }

    /// One file of just this name.
    pub fn single(path: &Path) -> Self {
        Self {
            several: false,
            ..Self::new(path, None)
        }
    }

    /// How many were made.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// The latest one.
    pub fn latest(&self) -> Option<&Path> {
        self.there.back().map(PathBuf::as_path)
    }

    /// Makes the next one, at `now` in nanoseconds since 1970.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(&mut self, now: u64) -> io::Result<OutputTarget> {
        let path = self.path(self.made + 1, now);
        let name = path.display().to_string();
        let file = crate::create(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{name}: cannot create: {error}"))
        })?;
        self.made += 1;
        if self.keep == u64::MAX {
            // None will be removed.
            self.there.clear();
        }
        self.there.push_back(path);
        Ok(OutputTarget {
            file,
            name,
            own: true,
        })
    }

    /// Removes the oldest ones, if there are more than may stay.
    pub fn remove_surplus(&mut self) {
        while self.there.len() as u64 > self.keep {
            if let Some(path) = self.there.pop_front() {
                // If somebody else has removed it, so much the better.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn path(&self, number: u64, now: u64) -> PathBuf {
        if !self.several {
            return self.base.clone();
        }
        let mut name = self.base.file_stem().unwrap_or_default().to_owned();
        name.push(format!("_{number:05}_{}", utc_digits(now)));
        if let Some(extension) = self.base.extension() {
            name.push(".");
            name.push(extension);
        }
        self.base.with_file_name(name)
    }
}

/// A time in nanoseconds since 1970 as `YYYYmmddHHMMSS`, UTC.
fn utc_digits(nanoseconds: u64) -> String {
    Timestamp::from_nanosecond(nanoseconds.into())
        .unwrap_or(Timestamp::MAX)
        .strftime("%Y%m%d%H%M%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_up_and_keep_the_extension() {
        let named = |base: &str| {
            let path = NumberedFiles::new(Path::new(base), None).path(7, 1_700_000_000_123_456_789);
            path.display().to_string()
        };
        assert_eq!(
            named("/tmp/gpu.pcapng"),
            "/tmp/gpu_00007_20231114221320.pcapng"
        );
        assert_eq!(named("gpu"), "gpu_00007_20231114221320");
    }
}
