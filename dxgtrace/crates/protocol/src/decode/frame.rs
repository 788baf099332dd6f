//! The headers of a message.

use nom::number::complete::{le_u32, le_u64};
use nom::{IResult, Parser};

use crate::schema::{HEADER, MessageSet};
use crate::table::framing::{EXTENDED_HEADER, VERSION_EXTENDED, VERSION_OLD};

/// The headers of a guest or host message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The extended header, if the payload begins with one.
    pub extended: Option<ExtendedHeader>,
    /// Unused by the guest: 0.
    pub command_id: u64,
    /// The handle of the process on the host.
    pub process: u32,
    /// The word with the channel type and the async bit.
    pub channel_word: u32,
    /// The number of the message in its set.
    pub command: u32,
    /// Whether the message comes from the host.
    from_host: bool,
    /// Whether all constant fields have their expected values.
    is_canonical: bool,
}

/// The extended header of interface version 40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedHeader {
    /// Offset of the command header from the start of the payload, in bytes.
    pub command_offset: u32,
    /// The LUID of the virtual GPU, or 0.
    pub vgpu_luid: u64,
    /// Whether the reserved word is 0.
    is_canonical: bool,
}

/// The error for a payload that does not begin with headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFrame {
    /// The payload ends within the headers.
    #[error("{had} bytes hold no command header, which takes {wanted}")]
    Short {
        /// Length of the headers in bytes.
        wanted: usize,
        /// Number of bytes captured.
        had: usize,
    },
    /// The payload begins with neither 0 (command header) nor 16 (extended header).
    #[error("the first word is {0:#x}, neither 0 (command header) nor 16 (extended header)")]
    Foreign(u32),
}

/// The bits of the channel word that hold the channel type.
const CHANNEL_TYPE: u32 = 0xFF;
/// The bit of the channel word that requests no reply.
const ASYNC: u32 = 1 << 8;

impl Frame {
    /// Reads the headers of a payload. Guest messages use either format, host messages
    /// only the one without extended header.
    #[inline]
    pub(super) fn read(data: &[u8], from_host: bool) -> Result<Self, NotAFrame> {
        let short = |wanted: u16| NotAFrame::Short {
            wanted: usize::from(wanted),
            had: data.len(),
        };
        let (_, first) = le_u32::<_, ()>(data).map_err(|_| short(HEADER))?;
        let (extended, rest) = match first {
            _ if from_host => (None, data),
            0 => (None, data),
            n if n == u32::from(EXTENDED_HEADER) => {
                let (rest, extended) =
                    extended(data).map_err(|_| short(EXTENDED_HEADER + HEADER))?;
                (Some(extended), rest)
            }
            other => return Err(NotAFrame::Foreign(other)),
        };
        let (_, (command_id, process, channel_word, command, padding)) =
            (le_u64::<_, ()>, le_u32, le_u32, le_u32, le_u32)
                .parse(rest)
                .map_err(|_| match extended {
                    Some(_) => short(EXTENDED_HEADER + HEADER),
                    None => short(HEADER),
                })?;
        Ok(Self {
            extended,
            command_id,
            process,
            channel_word,
            command,
            from_host,
            is_canonical: command_id == 0
                && padding == 0
                && channel_word & !(CHANNEL_TYPE | ASYNC) == 0
                && extended.is_none_or(|extended| extended.is_canonical),
        })
    }

    /// Whether all constant fields of the headers have their expected values, so that no
    /// check is needed.
    pub fn is_canonical(&self) -> bool {
        self.is_canonical
    }

    /// Offset of the command header in the payload, in bytes.
    pub fn base(&self) -> usize {
        if self.extended.is_some() {
            usize::from(EXTENDED_HEADER)
        } else {
            0
        }
    }

    /// The set of the command number. Hosts may leave the channel type of a host message
    /// 0, since the guest does not read it.
    pub fn set(&self) -> Option<MessageSet> {
        match self.channel_word & CHANNEL_TYPE {
            0 if self.from_host => Some(MessageSet::Host),
            0 => Some(MessageSet::Vgpu),
            1 => Some(MessageSet::Global),
            2 => Some(MessageSet::Host),
            _ => None,
        }
    }

    /// Whether the sender requests no reply.
    pub fn is_async(&self) -> bool {
        self.channel_word & ASYNC != 0
    }

    /// The interface version of the message: `told`, or the version of the framing if
    /// `told` is 0 or does not match the framing.
    #[inline]
    pub fn version_given(&self, told: u32) -> u32 {
        let shown = self.version();
        match told != 0 && (told >= VERSION_EXTENDED) == self.extended.is_some() {
            true => told,
            false => shown,
        }
    }

    /// The interface version that the framing indicates.
    pub fn version(&self) -> u32 {
        if self.extended.is_some() {
            VERSION_EXTENDED
        } else {
            VERSION_OLD
        }
    }
}

#[inline]
fn extended(data: &[u8]) -> IResult<&[u8], ExtendedHeader, ()> {
    (le_u32, le_u32, le_u64)
        .map(|(command_offset, reserved, vgpu_luid)| ExtendedHeader {
            command_offset,
            vgpu_luid,
            is_canonical: reserved == 0,
        })
        .parse(data)
}
