//! `:save`: writes packets to a capture file, in a thread.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use crate::store::{PacketFetch, Rows, ScanDomain, findings};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_session::check::Finding;

use super::app::{App, MessageTone, SavingPackets};

/// Bytes collected before they are written.
const COLLECT: usize = 1 << 20;

/// Starts saving; `arguments` is `all|filtered|marked FILE`.
pub fn run(app: &mut App, arguments: &str) -> Result<(), String> {
    const USAGE: &str = "usage: save all FILE, save filtered FILE, save marked FILE";
    let (which, name) = arguments.split_once(' ').ok_or(USAGE)?;
    let path = expand(name.trim());
    let all = ScanDomain::All(0..app.store.rows().len() as u32);
    let domain = match which {
        "all" => all,
        "filtered" => app.list.passed_domain(),
        "marked" if app.marks.is_empty() => {
            return Err("no packet is marked; M marks the selected one".to_owned());
        }
        "marked" => ScanDomain::List(marked_rows(app).into()),
        _ => return Err(USAGE.to_owned()),
    };
    if same_file(&path, &app.source.path) {
        return Err("that is the file being read; choose another name".to_owned());
    }
    if app.saving.is_some() {
        return Err("another :save is still running".to_owned());
    }
    let shown = dxgtrace_protocol::decode::escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let layout = app.store.layout().ok_or("there is nothing to save yet")?;
    let (rows, layout) = (app.store.rows().clone(), layout.clone());
    let source = app.source.path.clone();
    let (done, result) = channel();
    std::thread::spawn(move || {
        let saved = write(&rows, &source, &layout, &domain, &path);
        // Fails only if the program is ending.
        let _ = done.send(saved.map_err(|error| error.to_string()));
    });
    app.show_message(MessageTone::Fine, format!("saving in {shown} ..."));
    app.saving = Some(SavingPackets {
        name: shown,
        all: which == "all",
        result,
    });
    Ok(())
}

/// Completions of the arguments of `:save`: which packets, then the file.
pub fn words(typed: &str) -> Vec<String> {
    let Some((which, name)) = typed.split_once(' ') else {
        return ["all ", "filtered ", "marked "].map(str::to_owned).to_vec();
    };
    let shown = name
        .rfind('/')
        .map_or("", |at| name.get(..=at).unwrap_or(""));
    let folder = match shown {
        "" => PathBuf::from("."),
        _ => expand(shown),
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut words: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_folder = entry.path().is_dir();
            let hidden = name.starts_with('.') || name.chars().any(char::is_control);
            let end = if is_folder { "/" } else { "" };
            let wanted = !hidden && (is_folder || name.ends_with(".pcapng"));
            wanted.then(|| format!("{which} {shown}{name}{end}"))
        })
        .collect();
    words.sort();
    words
}

/// The marked rows and the other halves of their exchanges: a reply cannot be
/// decoded without its request.
fn marked_rows(app: &App) -> Vec<u32> {
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
    rows: &Rows,
    source: &Path,
    layout: &dxgtrace_file::FileLayout,
    domain: &ScanDomain,
    path: &Path,
) -> io::Result<u64> {
    // Renamed when complete: an existing file is never replaced by a partial one.
    let temporary = path.with_extension("part");
    let mut fetch = PacketFetch::open(source, layout)?;
    let output: File = dxgtrace_file::create(&temporary)?;
    let mut writer = Writer::new(
        output,
        &CaptureOrigin::default(),
        FlushPolicy::Collect(COLLECT),
    )?;
    for row in domain.rows() {
        let Some(found) = rows.get(row) else {
            continue;
        };
        let fetched = fetch.packet(found).map_err(io::Error::other)?;
        let comments: Vec<String> = findings(rows, row).iter().map(Finding::comment).collect();
        writer.write(&fetched.packet, fetched.channels, &comments)?;
    }
    let count = writer.records();
    writer.finish()?.sync_all()?;
    std::fs::rename(&temporary, path)?;
    Ok(count)
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Err(error), _) if error.kind() == ErrorKind::NotFound => false,
        _ => one == other,
    }
}

/// Expands `~/` to the home folder.
fn expand(name: &str) -> PathBuf {
    let home = name.strip_prefix("~/").zip(std::env::var_os("HOME"));
    match home {
        Some((rest, home)) => PathBuf::from(home).join(rest),
        None => PathBuf::from(name),
    }
}
