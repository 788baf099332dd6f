//! Removes private data from packets and keeps what a diagnosis needs: layout, lengths,
//! counts, numbers, statuses, times.
//!
//! Only headers and fields that are neither text, addresses nor opaque bytes are copied;
//! all other bytes are zeroed. Each address is replaced by another one, always the same
//! for the same address, so that repetitions can still be checked. Text keeps its length.

mod body;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader};
use dxgtrace_session::Analysis;

/// Maximum length in bytes of a reply that is copied because it can only hold a status.
const STATUS_REPLY_MAX: usize = 8;
/// Maximum number of process names that are kept apart. All further ones share a name.
const NAMES_MAX: usize = 10_000;

/// Redacts the packets of one capture.
#[derive(Debug, Default)]
pub struct Redactor {
    key: RandomState,
    names: BTreeMap<[u8; 16], usize>,
}

impl Redactor {
    /// Makes a redactor with a new secret, so that addresses of two reports cannot be
    /// compared.
    pub fn new() -> Self {
        Self::default()
    }

    /// Redacts the header and the payload of a packet. `seen` is its analysis by the
    /// session.
    pub fn packet(&mut self, packet: &Packet<'_>, seen: &Analysis<'_>) -> (RecordHeader, Vec<u8>) {
        let header = self.header(packet.header);
        let payload = match (packet.header.kind, &seen.decoded) {
            (kind, _) if !kind.has_message() => packet.payload.to_vec(),
            (_, Some(decoded)) => {
                let is_status = decoded.frame.is_none() && packet.payload.len() <= STATUS_REPLY_MAX;
                if is_status {
                    packet.payload.to_vec()
                } else {
                    body::redact(decoded, packet.payload, &|address| {
                        self.replace_address(address)
                    })
                }
            }
            (_, None) => body::keep_first_bytes(packet.payload, STATUS_REPLY_MAX),
        };
        (header, payload)
    }

    fn header(&mut self, header: &RecordHeader) -> RecordHeader {
        let mut header = *header;
        if header.known.has(KnownFields::TASK) && header.comm != [0; 16] {
            let next = self.names.len() + 1;
            let number = match self.names.get(&header.comm) {
                Some(number) => *number,
                None if next > NAMES_MAX => 0,
                None => {
                    self.names.insert(header.comm, next);
                    next
                }
            };
            let mut comm = [0; 16];
            for (place, byte) in comm.iter_mut().zip(format!("process-{number}").bytes()) {
                *place = byte;
            }
            header.comm = comm;
        } else {
            header.comm = [0; 16];
        }
        header
    }

    /// The replacement of an address: always the same for the same address, with the same
    /// alignment, and 0 for 0.
    fn replace_address(&self, address: u64) -> u64 {
        const LIKELY: u64 = 0x0000_7FFF_FFFF_FFF8;
        const NOT_ZERO: u64 = 0x1000;
        match address {
            0 => 0,
            _ => self.key.hash_one(address) & LIKELY | NOT_ZERO | address & 7,
        }
    }
}
