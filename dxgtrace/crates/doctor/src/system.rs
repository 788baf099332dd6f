//! The file tree that is examined: that of this machine, or a copy.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes read of a file at most. The longest one is `/proc/kallsyms`.
const LONGEST: u64 = 64 << 20;

/// A file tree with `/proc`, `/sys` and so on.
#[derive(Debug, Clone)]
pub struct SystemFiles {
    root: PathBuf,
}

impl SystemFiles {
    /// The tree below `root`; `/` is the running machine.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether the tree has a `/proc`.
    pub fn has_proc(&self) -> bool {
        self.path("/proc").is_dir()
    }

    /// Whether the tree is the running machine.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The real path of a path in the tree.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The content of a file; at most 64 MiB.
    ///
    /// # Errors
    /// The file cannot be read.
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

    /// The first line of a file, trimmed; `None` if it cannot be read.
    pub fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        Some(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Whether a file or folder exists.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The names in a folder, sorted; none if it cannot be read.
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
