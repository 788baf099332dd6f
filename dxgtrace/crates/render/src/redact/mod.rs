//! Takes out of packets what is private, and keeps what they show: layout,
//! lengths, counts, numbers, statuses, times.
//!
//! What is kept is named, the rest is zeroed: headers, and those fields whose
//! type in the description is neither text, nor an address, nor opaque bytes.
//! Addresses are replaced by others, the same for the same, so that whether
//! the host repeats them can still be checked. Text keeps its length.

mod body;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use dxgtrace_protocol::packet::Packet;
use dxgtrace_protocol::record::header::{KnownFields, RecordHeader, RecordKind};
use dxgtrace_session::Analysis;

/// A reply of at most so many bytes is nothing but a status, if it is anything.
const STATUS_ONLY: usize = 8;
/// Most names that are told apart; further ones are all called the same.
const NAMES: usize = 10_000;

/// Redacts the packets of one capture.
#[derive(Debug, Default)]
pub struct Redactor {
    key: RandomState,
    names: BTreeMap<[u8; 16], usize>,
}

impl Redactor {
    /// One with a new secret: addresses of two reports cannot be compared.
    pub fn new() -> Self {
        Self::default()
    }

    /// The packet's header and payload without what is private. `seen` is what
    /// the session made of it.
    pub fn packet(&mut self, packet: &Packet<'_>, seen: &Analysis<'_>) -> (RecordHeader, Vec<u8>) {
        let header = self.header(packet.header);
        let payload = match (packet.header.kind, &seen.decoded) {
            (RecordKind::Lost | RecordKind::Ioctl, _) => packet.payload.to_vec(),
            (_, Some(decoded)) => {
                let is_status = decoded.frame.is_none() && packet.payload.len() <= STATUS_ONLY;
                if is_status {
                    packet.payload.to_vec()
                } else {
                    body::redact(decoded, packet.payload, &|address| self.address(address))
                }
            }
            (_, None) => body::unknown(packet.payload, STATUS_ONLY),
        };
        (header, payload)
    }

    fn header(&mut self, header: &RecordHeader) -> RecordHeader {
        let mut header = *header;
        if header.known.has(KnownFields::TASK) && header.comm != [0; 16] {
            let next = self.names.len() + 1;
            let number = match self.names.get(&header.comm) {
                Some(number) => *number,
                None if next > NAMES => 0,
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

    /// Another address in the place of one: the same for the same, 0 for 0,
    /// and as aligned.
    fn address(&self, address: u64) -> u64 {
        const LIKELY: u64 = 0x0000_7FFF_FFFF_FFF8;
        const NOT_ZERO: u64 = 0x1000;
        match address {
            0 => 0,
            _ => self.key.hash_one(address) & LIKELY | NOT_ZERO | address & 7,
        }
    }
}
