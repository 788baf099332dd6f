//! The file tree that is examined: that of this machine, or a copy.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes read of a file at most. The longest one is `/proc/kallsyms`.
const LONGEST: u64 = 64 << 20;
/// Symbolic links that are followed in one path at most, as in Linux.
const LINKS_MAX: usize = 40;

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

    /// The path that `path` leads to once every symbolic link is followed inside
    /// of the tree; `None` if nothing is there.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut steps: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut resolved = String::new();
        let mut links = 0;
        while let Some(step) = steps.pop() {
            match step.as_str() {
                "" | "." => continue,
                ".." => {
                    resolved.truncate(resolved.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{resolved}/{step}");
            let file_type = fs::symlink_metadata(self.path(&next)).ok()?.file_type();
            if !file_type.is_symlink() {
                resolved = next;
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            let target = fs::read_link(self.path(&next)).ok()?;
            let target = target.to_string_lossy();
            if target.starts_with('/') {
                resolved.clear();
            }
            steps.extend(target.rsplit('/').map(str::to_owned));
        }
        Some(resolved)
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
