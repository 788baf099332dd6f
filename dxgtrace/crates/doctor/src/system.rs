//! The file tree that is examined: this machine's, or a made-up one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes. The largest is kallsyms.
const LONGEST: u64 = 64 << 20;

/// A file tree with `/proc`, `/sys` and so on.
#[derive(Debug, Clone)]
pub struct SystemFiles {
    root: PathBuf,
}

impl SystemFiles {
    /// The tree below `root`; `/` is this machine's.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether there is a `/proc`.
    pub fn has_proc(&self) -> bool {
        self.path("/proc").is_dir()
    }

    /// Whether the tree is that of the running machine.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// A path of the tree, for the operating system.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The content of a file, up to a bound.
    pub fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(self.path(path))?
            .take(LONGEST)
            .read_to_end(&mut content)?;
        Ok(content)
    }

    /// The content of a file as text; `None` if it cannot be read.
    pub fn text(&self, path: &str) -> Option<String> {
        let content = self.bytes(path).ok()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }

    /// The first line of a file without its end.
    pub fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        Some(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Whether something is there.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The names in a folder, in order; none if it cannot be read.
    pub fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        names.sort();
        names
    }
}
