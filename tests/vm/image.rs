//! The initial file system of a machine: a `cpio` archive of the `newc` kind.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const DEVICE: u32 = 0o020_000;

/// The project's folder.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// An archive under construction.
pub struct Image {
    bytes: Vec<u8>,
    folders: Vec<PathBuf>,
    inode: u32,
}

impl Image {
    /// An archive with the folders that an `init` mounts on, and a console.
    pub fn new() -> Self {
        let mut image = Self {
            bytes: Vec::new(),
            folders: Vec::new(),
            inode: 0,
        };
        for folder in ["dev", "proc", "sys", "tmp", "bin", "etc"] {
            image.folder(Path::new(folder));
        }
        image.entry("dev/console", DEVICE | 0o600, (5, 1), &[]);
        image
    }

    /// Adds a file of this machine.
    pub fn file(&mut self, name: &str, from: &Path) -> Result<()> {
        let content = fs::read(from).with_context(|| from.display().to_string())?;
        let executable = fs::metadata(from)?.permissions().mode() & 0o111 != 0;
        self.content(name, &content, executable);
        Ok(())
    }

    /// Adds a file with this content.
    pub fn content(&mut self, name: &str, content: &[u8], executable: bool) {
        if let Some(folder) = Path::new(name).parent() {
            self.folder(folder);
        }
        let mode = if executable { 0o755 } else { 0o644 };
        self.entry(name, FILE | mode, (0, 0), content);
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn folder(&mut self, folder: &Path) {
        if folder.as_os_str().is_empty() || self.folders.iter().any(|known| known == folder) {
            return;
        }
        if let Some(parent) = folder.parent() {
            self.folder(parent);
        }
        self.folders.push(folder.to_owned());
        self.entry(&folder.to_string_lossy(), FOLDER | 0o755, (0, 0), &[]);
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inode += 1;
        let header = [
            self.inode,
            mode,
            0, // user
            0, // group
            1, // links
            0, // time
            content.len() as u32,
            0,
            0,
            device.0,
            device.1,
            name.len() as u32 + 1,
            0, // checksum
        ];
        self.bytes.extend(b"070701");
        for word in header {
            self.bytes.extend(format!("{word:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}
