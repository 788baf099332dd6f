//! Reads packets from the file by row, when they are shown or scanned.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use dxgtrace_file::{FileLayout, RandomReader, ReadError};
use dxgtrace_protocol::decode::{self, Decoded, MessagePart, Payload, PendingRequest};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_session::Analysis;
use dxgtrace_session::check::Finding;
use dxgtrace_session::entry::Entry;

use super::row::PacketRow;
use super::rows::Rows;

/// Bytes read per system call.
const WINDOW: usize = 64 << 10;

/// A packet that was read from the file and decoded.
#[derive(Debug, Clone, Copy)]
pub struct FetchedPacket<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// The message in it, if it was decoded.
    pub decoded: Option<Decoded<'a>>,
    /// The channels of the capture.
    pub channels: &'a [Channel],
    /// What is needed to decode its reply, if it is a request.
    pub pending: Option<PendingRequest>,
}

impl FetchedPacket<'_> {
    /// The packet as one line of text, as `dxgtrace read` prints it.
    pub fn line(&self) -> String {
        let seen = Analysis {
            decoded: self.decoded,
            outcome: None,
            call: None,
        };
        let entry = Entry {
            packet: &self.packet,
            channels: self.channels,
            analysis: &seen,
            request: None,
            findings: &[],
            changes: &[],
            reply_in: None,
            capture_start: self.packet.time,
            previous_captured: self.packet.time,
            previous_shown: self.packet.time,
        };
        entry.summary().to_string()
    }
}

/// Reads packets of a capture by row.
pub struct PacketFetch {
    packets: RandomReader<FileWindow>,
    requests: RandomReader<FileWindow>,
}

impl PacketFetch {
    /// Opens the file at `path`, whose layout is known from indexing.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, layout: &FileLayout) -> io::Result<Self> {
        let window = || File::open(path).map(FileWindow::new);
        Ok(Self {
            packets: RandomReader::new(window()?, layout.clone()),
            requests: RandomReader::new(window()?, layout.clone()),
        })
    }

    /// Replaces the layout, for a file that has grown.
    pub fn set_layout(&mut self, layout: &FileLayout) {
        self.packets.set_layout(layout.clone());
        self.requests.set_layout(layout.clone());
    }

    /// Reads and decodes the packet of a row. Decoding a reply needs its
    /// request: `known` if the caller has it, else it is read too.
    ///
    /// # Errors
    /// The file cannot be read there, or has changed.
    pub fn row(
        &mut self,
        rows: &Rows,
        row: &PacketRow,
        known: Option<PendingRequest>,
    ) -> Result<FetchedPacket<'_>, ReadError> {
        let pending = match (row.is_joined_reply(), known) {
            (false, _) => None,
            (true, Some(pending)) => Some(pending),
            (true, None) => self.request_of(rows, row)?,
        };
        let record = self.packets.read_at(row.number(), row.at())?;
        let payload = Payload::of_packet(&record.packet);
        let decoded = match row.part() {
            Some(MessagePart::Request) => decode::request(payload).ok(),
            Some(MessagePart::Event) => decode::event(payload).ok(),
            Some(MessagePart::Reply) => pending.map(|pending| decode::reply(payload, &pending)),
            None => None,
        };
        Ok(FetchedPacket {
            packet: record.packet,
            channels: record.channels,
            pending: decoded
                .as_ref()
                .filter(|decoded| decoded.part == MessagePart::Request)
                .map(PendingRequest::new),
            decoded,
        })
    }

    /// Reads the packet of a row without decoding it.
    ///
    /// # Errors
    /// The file cannot be read there, or has changed.
    pub fn packet(&mut self, row: &PacketRow) -> Result<FetchedPacket<'_>, ReadError> {
        let record = self.packets.read_at(row.number(), row.at())?;
        Ok(FetchedPacket {
            packet: record.packet,
            decoded: None,
            channels: record.channels,
            pending: None,
        })
    }

    fn request_of(
        &mut self,
        rows: &Rows,
        reply: &PacketRow,
    ) -> Result<Option<PendingRequest>, ReadError> {
        let Some(request) = reply.peer().and_then(|row| rows.get(row)) else {
            return Ok(None);
        };
        let record = self.requests.read_at(request.number(), request.at())?;
        let decoded = decode::request(Payload::of_packet(&record.packet));
        Ok(decoded.ok().as_ref().map(PendingRequest::new))
    }
}

/// The findings on a row.
pub fn findings(rows: &Rows, row: u32) -> Vec<Finding> {
    rows.findings(row)
        .iter()
        .map(super::StoredFinding::finding)
        .collect()
}

/// A file with a buffer of [`WINDOW`] bytes that survives seeking, so that
/// reading packets in order takes few system calls.
struct FileWindow {
    file: File,
    bytes: Vec<u8>,
    /// Offset of `bytes` in the file.
    start: u64,
    position: u64,
}

impl FileWindow {
    fn new(file: File) -> Self {
        Self {
            file,
            bytes: Vec::new(),
            start: 0,
            position: 0,
        }
    }

    fn kept(&self) -> &[u8] {
        self.position
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| self.bytes.get(at..))
            .unwrap_or(&[])
    }
}

impl Read for FileWindow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.kept().is_empty() {
            self.file.seek(SeekFrom::Start(self.position))?;
            if buffer.len() >= WINDOW {
                let count = self.file.read(buffer)?;
                self.position += count as u64;
                return Ok(count);
            }
            self.bytes.resize(WINDOW, 0);
            let count = self.file.read(&mut self.bytes)?;
            self.bytes.truncate(count);
            self.start = self.position;
        }
        let mut kept = self.kept();
        let count = kept.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for FileWindow {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(offset) => offset,
            SeekFrom::Current(by) => self.position.saturating_add_signed(by),
            SeekFrom::End(_) => self.file.seek(to)?,
        };
        Ok(self.position)
    }
}
