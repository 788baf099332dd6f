//! `dxgtrace report`: packs a capture and its environment into an archive.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use clap::Args;

use super::arguments::RulesArgs;
use super::doctor;
use super::rules::load_rules;
use super::walk::{exit_after, walk};
use super::{Exit, Failure};
use dxgtrace_doctor::{SystemFiles, examine};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Writer};
use dxgtrace_protocol::packet::Packet;
use dxgtrace_render::compare::CaptureProfile;
use dxgtrace_render::output::{ProseWriter, WIDTH};
use dxgtrace_render::redact::Redactor;
use dxgtrace_render::report::summary;
use dxgtrace_session::Session;
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::Entry;

/// Size of the output buffer in bytes.
const BUFFER_BYTES: usize = 1 << 16;
/// The comment of a redacted capture.
const REDACTED: &str = "Redacted by dxgtrace report: process names, texts, opaque data and \
                        addresses are replaced; lengths, counts, numbers, statuses and times are \
                        as they were.";

/// `dxgtrace report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The capture file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The archive to write: .tar, or .tar.gz to compress it
    #[arg(short = 'o', long = "output", value_name = "OUT")]
    pub write: PathBuf,

    /// Keep process names, texts, opaque data and addresses
    #[arg(long)]
    pub no_redact: bool,

    /// Examine the file tree below this folder instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Writes capture, summary and environment into one archive.
pub fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let out = args.write.as_path();
    let refused = |error: io::Error| Failure::Input(format!("{}: {error}", out.display()));
    let rules = load_rules(&args.rules)?;
    // An archive holds each file's length before its bytes, so the capture is
    // written to a temporary file first, and the archive created after that.
    let part = TemporaryFile::create(out).map_err(refused)?;

    let mut profile = CaptureProfile::default();
    let mut rule_run = rules.start_run();
    let mut redactor = Redactor::new();
    let mut redacted_session = Session::new();
    let comment = if args.no_redact { "" } else { REDACTED };
    let wrong = |error: dxgtrace_file::WriteError| Failure::output(error.into());
    let mut writer = Writer::with_comment(
        &part.file,
        &CaptureOrigin::default(),
        comment,
        FlushPolicy::Collect(BUFFER_BYTES),
    )
    .map_err(wrong)?;
    let mut findings: Vec<Finding> = Vec::new();
    let (_, damage) = walk(&args.file, &mut |entry, _, _| {
        let (header, payload) = if args.no_redact {
            (*entry.packet.header, entry.packet.payload.to_vec())
        } else {
            redactor.packet(entry.packet, entry.analysis)
        };
        let packet = Packet {
            header: &header,
            payload: &payload,
            ..*entry.packet
        };
        // Summary and comments describe the redacted packets.
        findings.clear();
        let seen = redacted_session.analyze(&packet, &mut |finding| findings.push(finding));
        let entry = Entry {
            packet: &packet,
            analysis: &seen,
            request: redacted_session.answered_request(),
            findings: &findings,
            ..*entry
        };
        profile.count_entry(&entry);
        rule_run.analyze(&entry);
        let comments: Vec<String> = findings.iter().map(Finding::comment).collect();
        writer
            .write(&packet, entry.channels, &comments)
            .map_err(wrong)
    })?;
    writer.finish().map_err(wrong)?;
    profile.finish(&redacted_session);
    rule_run.finish(&redacted_session.unanswered_requests());

    let mut text = Vec::new();
    let note = damage.as_ref().map(ToString::to_string);
    summary(
        &mut text,
        &profile,
        &rule_run.matches(),
        note.as_deref(),
        !args.no_redact,
    )
    .map_err(Failure::output)?;
    let mut environment = ProseWriter::new(Vec::new(), WIDTH, 18);
    doctor::write_facts(&mut environment, &examine(&SystemFiles::new(&args.root)))
        .map_err(Failure::output)?;

    let files = [
        ("summary.md", text),
        ("environment.txt", environment.into_inner()),
    ];
    let mut archive = dxgtrace_file::create(out).map_err(refused)?;
    if is_compressed(out) {
        let mut packer = GzEncoder::new(&mut archive, Compression::default());
        write_archive(&mut packer, part, &files).map_err(refused)?;
        packer.finish().map_err(refused)?;
    } else {
        write_archive(&mut archive, part, &files).map_err(refused)?;
    }
    archive.flush().map_err(refused)?;
    exit_after([damage])
}

/// Whether the archive's name asks for compression.
fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "gz" || extension == "tgz")
}

fn write_archive(
    out: impl Write,
    mut part: TemporaryFile,
    files: &[(&str, Vec<u8>)],
) -> io::Result<()> {
    const FOLDER: &str = "dxgtrace-report";
    let mut archive = tar::Builder::new(out);
    let header = |length: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header
    };
    for (name, content) in files {
        let mut header = header(content.len() as u64);
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), content.as_slice())?;
    }
    let length = part.file.metadata()?.len();
    part.file.rewind()?;
    let mut header = header(length);
    let name = format!("{FOLDER}/capture.pcapng");
    archive.append_data(&mut header, name, &mut part.file)?;
    archive.into_inner()?.flush()
}

/// A file beside the archive that is removed when it is dropped.
struct TemporaryFile {
    path: PathBuf,
    file: File,
}

impl TemporaryFile {
    fn create(beside: &Path) -> io::Result<Self> {
        let mut name = beside.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(name);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(&path)?;
        Ok(Self { path, file })
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // There is nobody to report an error to.
        let _ = fs::remove_file(&self.path);
    }
}
