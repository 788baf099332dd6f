//! `:save`: packets into a capture file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::capture::file::{self, About, Flush, Writer};
use crate::check::Finding;
use crate::store::{Domain, Fetch, Store, findings};

use super::app::{App, Tone};

/// Bytes collected before they go out.
const COLLECT: usize = 1 << 20;

/// Writes the packets that `arguments` name into the file that they name.
pub fn run(app: &mut App, arguments: &str) -> Result<(), String> {
    const USAGE: &str = "say which and where: save all FILE, save filtered FILE, save marked FILE";
    let (which, name) = arguments.split_once(' ').ok_or(USAGE)?;
    let path = expand(name.trim());
    let all = Domain::All(0..app.store.rows().len() as u32);
    let domain = match which {
        "all" => all,
        "filtered" => app.list.passed(),
        "marked" if app.marks.is_empty() => {
            return Err("no packet is marked; M marks the selected one".to_owned());
        }
        "marked" => Domain::List(marked(app).into()),
        _ => return Err(USAGE.to_owned()),
    };
    if same_file(&path, &app.source.path) {
        return Err("that is the file being read; choose another name".to_owned());
    }
    let shown = crate::decode::escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let layout = app.store.layout().ok_or("there is nothing to save yet")?;
    let count = write(&app.store, &app.source.path, layout, &domain, &path)
        .map_err(|error| format!("{shown}: {error}"))?;
    if which == "all"
        && app
            .source
            .recording
            .as_ref()
            .is_none_or(|live| live.status().ended)
    {
        app.source.unsaved = false;
    }
    app.saved = Some(shown.clone());
    app.say(Tone::Fine, format!("{count} packets saved in {shown}"));
    Ok(())
}

/// The marked packets with the other ends of their exchanges: a reply cannot
/// be read without its request.
fn marked(app: &App) -> Vec<u32> {
    let mut rows: Vec<u32> = app.marks.iter().copied().collect();
    let peers = app
        .marks
        .iter()
        .filter_map(|row| app.store.row(*row)?.peer());
    rows.extend(peers.collect::<Vec<_>>());
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn write(
    store: &Store,
    source: &Path,
    layout: &file::Layout,
    domain: &Domain,
    path: &Path,
) -> io::Result<u64> {
    // A half-written file never takes the place of a whole one.
    let temporary = path.with_extension("part");
    let mut fetch = Fetch::open(source, layout)?;
    let output: File = file::create(&temporary)?;
    let mut writer = Writer::new(output, &About::default(), Flush::Collect(COLLECT))?;
    for row in domain.rows() {
        let Some(found) = store.row(row) else {
            continue;
        };
        let fetched = fetch.packet(found).map_err(io::Error::other)?;
        let comments: Vec<String> = findings(store.rows(), row).iter().map(comment).collect();
        writer.write(&fetched.packet, fetched.channels, &comments)?;
    }
    let count = writer.records();
    writer.finish()?.sync_all()?;
    std::fs::rename(&temporary, path)?;
    Ok(count)
}

/// A finding as it stands in a file.
fn comment(finding: &Finding) -> String {
    let description = finding.code.description();
    let (severity, word) = (description.severity.name(), description.word);
    format!("{severity} {word}: {finding}")
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Err(error), _) if error.kind() == ErrorKind::NotFound => false,
        _ => one == other,
    }
}

/// A path as a shell would understand it.
fn expand(name: &str) -> PathBuf {
    let home = name.strip_prefix("~/").zip(std::env::var_os("HOME"));
    match home {
        Some((rest, home)) => PathBuf::from(home).join(rest),
        None => PathBuf::from(name),
    }
}
