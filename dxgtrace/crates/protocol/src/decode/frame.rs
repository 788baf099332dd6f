//! The headers before a message.

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
    /// The process as the host numbers it.
    pub process: u32,
    /// The word that holds channel type and async bit.
    pub channel_word: u32,
    /// Number of the message in its set.
    pub command: u32,
    /// Whether it comes from the host.
    from_host: bool,
    /// Whether everything in the headers that should be fixed is.
    plain: bool,
}

/// The extended header of interface version 40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedHeader {
    /// Distance to the command header.
    pub command_offset: u32,
    /// The virtual GPU, or 0.
    pub vgpu_luid: u64,
    /// Whether its reserved word is 0.
    plain: bool,
}

/// Why a payload does not begin with headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFrame {
    /// It ends within them.
    #[error("{had} bytes hold no command header, which takes {wanted}")]
    Short {
        /// Bytes that the headers take.
        wanted: usize,
        /// Bytes that were captured.
        had: usize,
    },
    /// It begins with neither 0 (the old format) nor 16 (the new one).
    #[error("the first word is {0:#x}, neither 0 (command header) nor 16 (extended header)")]
    Foreign(u32),
}

/// Bits of the channel word that hold the channel type, where the async bit exists.
const CHANNEL_TYPE: u32 = 0xFF;
/// The bit of the channel word that says that no reply is wanted.
const ASYNC: u32 = 1 << 8;

impl Frame {
    /// The headers that a payload begins with: of a guest message in either
    /// format, of a host message in the old one.
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
            plain: command_id == 0
                && padding == 0
                && channel_word & !(CHANNEL_TYPE | ASYNC) == 0
                && extended.is_none_or(|extended| extended.plain),
        })
    }

    /// Whether everything in the headers that never changes is as always: then
    /// there is nothing to check in them.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Offset of the command header in the payload.
    pub fn base(&self) -> usize {
        if self.extended.is_some() {
            usize::from(EXTENDED_HEADER)
        } else {
            0
        }
    }

    /// The set that the command's number belongs to. The guest never looks at
    /// a host message's channel type, so a host may leave it 0.
    pub fn set(&self) -> Option<MessageSet> {
        match self.channel_word & CHANNEL_TYPE {
            0 if self.from_host => Some(MessageSet::Host),
            0 => Some(MessageSet::Vgpu),
            1 => Some(MessageSet::Global),
            2 => Some(MessageSet::Host),
            _ => None,
        }
    }

    /// Whether the sender wants no reply.
    pub fn is_async(&self) -> bool {
        self.channel_word & ASYNC != 0
    }

    /// The interface version of the message: the `told` one unless the framing shows
    /// another, or 0 was told.
    #[inline]
    pub fn version_told(&self, told: u32) -> u32 {
        let shown = self.version();
        match told != 0 && (told >= VERSION_EXTENDED) == self.extended.is_some() {
            true => told,
            false => shown,
        }
    }

    /// The interface version that this framing belongs to.
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
            plain: reserved == 0,
        })
        .parse(data)
}
