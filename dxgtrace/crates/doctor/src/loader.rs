//! Which file the dynamic loader takes for the name of a library.
//!
//! The loader looks into the folders of `LD_LIBRARY_PATH`, then into
//! `/etc/ld.so.cache`, then into the standard folders. A library's own run path
//! is not considered: it belongs to one program.

use super::SystemFiles;

const CACHE: &str = "/etc/ld.so.cache";
/// How a cache begins; before it, an older format may stand.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes of the cache's header and of an entry.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// Entries that are read at most.
const ENTRIES_MAX: usize = 1 << 16;
/// Flags of 64-bit libraries for glibc, on x86_64 and arm64.
const FLAGS: [u32; 2] = [0x0303, 0x0A03];
/// Folders that are searched without a cache.
const STANDARD: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// What led the loader to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoaderSource {
    Environment,
    Cache,
    Standard,
}

impl LoaderSource {
    /// Its name, to be put into a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environment => "LD_LIBRARY_PATH",
            Self::Cache => CACHE,
            Self::Standard => "the standard folders",
        }
    }
}

/// The file that the loader takes for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoaderChoice {
    pub path: String,
    pub source: LoaderSource,
}

/// Where the loader looks.
#[derive(Debug)]
pub(super) struct LoaderPaths<'a> {
    system: &'a SystemFiles,
    /// `LD_LIBRARY_PATH` of this process.
    folders: Vec<String>,
    /// Name and path of each library, best first; `None` without a cache that
    /// can be read.
    cache: Option<Vec<(String, String)>>,
}

impl<'a> LoaderPaths<'a> {
    pub fn of(system: &'a SystemFiles) -> Self {
        let environment = system.bytes("/proc/self/environ").unwrap_or_default();
        let folders = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(b"LD_LIBRARY_PATH="))
            .map(|folders| String::from_utf8_lossy(folders).into_owned())
            .unwrap_or_default();
        let folders = folders
            .split([':', ';'])
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| folder.trim_end_matches('/').to_owned())
            .collect();
        let cache = system.bytes(CACHE).ok().and_then(|bytes| entries(&bytes));
        Self {
            system,
            folders,
            cache,
        }
    }

    /// Whether there is a cache.
    pub fn has_cache(&self) -> bool {
        self.cache.is_some()
    }

    /// The file that is loaded for `name`; `None` if none is found.
    pub fn find(&self, name: &str) -> Option<LoaderChoice> {
        let cached = self.cache.iter().flatten();
        let cached = cached.filter(|(cached, _)| cached == name);
        let beside = |folder: &str| format!("{folder}/{name}");
        let environment = self.folders.iter().map(|folder| beside(folder));
        let standard = STANDARD.iter().map(|folder| beside(folder));
        environment
            .map(|path| (path, LoaderSource::Environment))
            .chain(cached.map(|(_, path)| (path.clone(), LoaderSource::Cache)))
            .chain(standard.map(|path| (path, LoaderSource::Standard)))
            .find(|(path, _)| self.system.resolve(path).is_some())
            .map(|(path, source)| LoaderChoice { path, source })
    }
}

/// Name and path of every 64-bit library in a cache, in its order, which is the
/// order of preference; `None` if it is no cache.
fn entries(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let start = bytes
        .windows(MAGIC.len())
        .position(|window| window == MAGIC)?;
    let cache = bytes.get(start..)?;
    let number = |at: usize| {
        let bytes = cache.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let text = |at: u32| {
        let rest = cache.get(usize::try_from(at).ok()?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(rest.get(..end)?).into_owned())
    };
    let count = usize::try_from(number(MAGIC.len())?).ok()?;
    let mut found = Vec::new();
    for index in 0..count.min(ENTRIES_MAX) {
        let at = HEADER + index * ENTRY;
        let (Some(flags), Some(name), Some(path)) = (number(at), number(at + 4), number(at + 8))
        else {
            break;
        };
        if FLAGS.contains(&flags)
            && let (Some(name), Some(path)) = (text(name), text(path))
        {
            found.push((name, path));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_is_cut_or_garbage_gives_what_it_has() {
        assert_eq!(entries(b""), None);
        assert_eq!(entries(b"ld.so-1.7.0"), None);
        let mut cache = MAGIC.to_vec();
        cache.extend(u32::MAX.to_le_bytes());
        cache.resize(HEADER, 0);
        assert_eq!(entries(&cache), Some(Vec::new()));
        cache.extend(FLAGS[0].to_le_bytes());
        cache.extend([0xFF; 20]);
        assert_eq!(entries(&cache), Some(Vec::new()));
    }
}
