//! Names and creates the files of one capture, in the scheme of dumpcap.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::output_target::OutputTarget;
use jiff::Timestamp;

/// Creates the files `base_00001_YYYYmmddHHMMSS.pcapng` (UTC) and so on, and
/// removes the oldest.
pub struct NumberedFiles {
    base: PathBuf,
    /// Whether number and time are added to the name.
    numbered: bool,
    created: u64,
    /// Files that were not removed; only the latest if `keep` is unlimited.
    existing: VecDeque<PathBuf>,
    /// Most files that are kept; `u64::MAX` if unlimited.
    keep: u64,
}

impl NumberedFiles {
    /// Files named after `base`. The latest `keep` are kept, or all if `None`.
    pub fn new(base: &Path, keep: Option<u64>) -> Self {
        Self {
            base: base.to_owned(),
            numbered: true,
            created: 0,
            existing: VecDeque::new(),
            keep: keep.unwrap_or(u64::MAX),
        }
    }

    /// A single file, named `path`.
    pub fn single(path: &Path) -> Self {
        Self {
            numbered: false,
            ..Self::new(path, None)
        }
    }

    /// Number of files created.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// Path of the file created last.
    pub fn latest(&self) -> Option<&Path> {
        self.existing.back().map(PathBuf::as_path)
    }

    /// Creates the next file. `now` is the time in its name, in nanoseconds
    /// since 1970.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(&mut self, now: u64) -> io::Result<OutputTarget> {
        let path = self.path(self.created + 1, now);
        let name = path.display().to_string();
        let file = crate::create(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{name}: cannot create: {error}"))
        })?;
        self.created += 1;
        if self.keep == u64::MAX {
            // No file will be removed: keep only the latest path.
            self.existing.clear();
        }
        self.existing.push_back(path);
        Ok(OutputTarget {
            file,
            name,
            created: true,
        })
    }

    /// Removes the oldest files beyond `keep`.
    pub fn remove_surplus(&mut self) {
        while self.existing.len() as u64 > self.keep {
            if let Some(path) = self.existing.pop_front() {
                // Fails if the user has already removed the file.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn path(&self, number: u64, now: u64) -> PathBuf {
        if !self.numbered {
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
