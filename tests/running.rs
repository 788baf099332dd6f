//! Runs stand-ins, and captures of them, as child processes.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use dxgtrace_file::ReadError;
use dxgtrace_protocol::record::header::{LostPackets, RecordHeader, RecordKind};
use dxgtrace_standin::StandIn;

use crate::program::command;

/// A running `dxgtrace capture`. It is killed if dropped before its end.
pub struct Capture {
    child: Child,
    messages: BufReader<ChildStderr>,
}

impl Capture {
    /// Captures a stand-in, and returns when it has attached.
    ///
    /// # Errors
    /// It cannot be started, or fails to attach.
    pub fn start(standin: &StandIn, arguments: &[&str], stdout: Stdio) -> io::Result<Self> {
        let mut capture = command()?;
        capture
            .args(["capture", "--stand-in", &standin.pid().to_string()])
            .args(arguments)
            .stdout(stdout);
        Self::spawn(&mut capture)
    }

    /// Runs a command that captures, and returns when it has attached.
    ///
    /// # Errors
    /// As [`Capture::start`].
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take();
        let stderr = stderr.ok_or_else(|| io::Error::other("no standard error"))?;
        let mut capture = Self {
            child,
            messages: BufReader::new(stderr),
        };
        let line = capture.line()?;
        if line.contains("capturing by uprobe") {
            Ok(capture)
        } else {
            Err(io::Error::other(line))
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Reads the next line of its standard error.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.messages.read_line(&mut line)?;
        Ok(line)
    }

    /// Waits for its end, and returns its status and the rest of its standard error.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn end(mut self) -> io::Result<(ExitStatus, String)> {
        let mut said = String::new();
        self.messages.read_to_string(&mut said)?;
        Ok((self.child.wait()?, said))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stand-in that plays a capture file.
///
/// # Errors
/// It cannot be started.
pub fn stand_in(sample: &Path, arguments: &[&str]) -> io::Result<StandIn> {
    let mut replay = command()?;
    replay
        .args(["replay", "--wait"])
        .args(arguments)
        .arg(sample)
        .stderr(Stdio::null());
    StandIn::spawn(&mut replay)
}

/// All records of a file: name of the channel, header, payload.
///
/// # Errors
/// The file cannot be read to its end.
pub fn records(path: &Path) -> Result<Vec<(String, RecordHeader, Vec<u8>)>, ReadError> {
    let mut reader = dxgtrace_file::open(path)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        let packet = record.packet;
        let channel = record.channels.get(packet.interface as usize);
        let header = RecordHeader {
            // The processor may differ between runs.
            cpu: 0,
            ..*packet.header
        };
        let name = channel.map_or_else(String::new, |channel| channel.name.clone());
        let mut payload = packet.payload.to_vec();
        // The duration may differ between runs.
        if let (RecordKind::Ioctl, Some(duration)) = (header.kind, payload.first_chunk_mut::<8>()) {
            *duration = [0; 8];
        }
        records.push((name, header, payload));
    }
    Ok(records)
}

/// The contents of a capture of a load from one thread.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Number of messages.
    pub messages: u64,
    /// Packets reported as lost, by cause.
    pub lost: LostPackets,
    /// Transaction id of the first message.
    pub first: u64,
    /// Transaction id of the last message.
    pub last: u64,
    /// The error that ended the reading, if the file is cut off.
    pub damage: Option<String>,
}

/// Reads a capture of a load from one thread, up to damage. The transaction ids count up,
/// so the records of loss between two messages must account for all ids between them.
///
/// # Errors
/// The file cannot be opened, or a missing message is not reported as lost.
pub fn account(path: &Path) -> anyhow::Result<Account> {
    let mut account = Account::default();
    let mut reader = match dxgtrace_file::open(path) {
        Ok(reader) => reader,
        Err(error) if path.metadata()?.len() < 200 => {
            account.damage = Some(error.to_string());
            return Ok(account);
        }
        Err(error) => return Err(error.into()),
    };
    let mut missing = 0;
    loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(account),
            Err(error) => {
                account.damage = Some(error.to_string());
                return Ok(account);
            }
        };
        let header = record.packet.header;
        if header.kind == RecordKind::Lost {
            let lost = LostPackets::decode(record.packet.payload).unwrap_or_default();
            missing += lost.total();
            account.lost.ring_full += lost.ring_full;
            account.lost.missed_probes += lost.missed_probes;
            account.lost.user_queue += lost.user_queue;
            account.lost.unreadable += lost.unreadable;
            continue;
        }
        if account.messages == 0 {
            account.first = header.transaction - missing;
        } else {
            anyhow::ensure!(
                header.transaction == account.last + 1 + missing,
                "{}: message {} after {} with {missing} lost between",
                path.display(),
                header.transaction,
                account.last
            );
        }
        missing = 0;
        account.messages += 1;
        account.last = header.transaction;
    }
}
