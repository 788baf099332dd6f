//! The modules' devices, as `modules/play.h` describes them.
#![expect(
    unsafe_code,
    reason = "ioctl has no safe form; each request's argument is a struct of this file"
)]

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::fd::AsRawFd,
};

/// How the driver sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Mode {
    Sync = 0,
    Async = 1,
    Raw = 2,
    NoWait = 3,
}

/// Added to a [`Mode`]: a thread of the kernel sends.
pub const IN_WORKER: u32 = 0x100;

const OFFER: libc::c_ulong = 0x4028_4801;
const HOST: libc::c_ulong = 0x4010_4802;
const SENT: libc::c_ulong = 0x4008_4803;
const RESCIND: libc::c_ulong = 0x4008_4804;

/// `struct play_offer`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub relid: u32,
    pub reserved: u32,
    pub interface: [u8; 16],
    pub instance: [u8; 16],
}

#[repr(C)]
struct Packets {
    packets: u64,
    length: u32,
    reserved: u32,
}

/// `struct play_call`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Call {
    payload: u64,
    length: u32,
    relid: u32,
    transaction: u64,
    mode: u32,
    packet_type: u16,
    flags: u16,
    refusals: u32,
    value: i32,
    replies: u64,
    replies_length: u32,
    expected: u32,
    result: i32,
    failure: i32,
}

/// A call of an application that makes the driver send.
#[derive(Debug, Clone)]
pub struct Sending {
    /// ioctl request number.
    pub request: u32,
    pub relid: u32,
    pub transaction: u64,
    pub mode: Mode,
    pub in_worker: bool,
    pub packet_type: u16,
    pub flags: u16,
    /// Number of refused attempts before it.
    pub refusals: u32,
    /// What sending returns.
    pub value: i32,
    pub payload: Vec<u8>,
    /// What the host puts into the rings when it sees it.
    pub replies: HostPackets,
    /// Length of the reply that the driver expects.
    pub expected: u32,
    /// What the ioctl returns.
    pub result: i32,
}

/// Packets of the host, as the modules take them.
#[derive(Debug, Clone, Default)]
pub struct HostPackets(Vec<u8>);

impl HostPackets {
    /// Adds one. The ring carries whole 8-byte units.
    pub fn push(
        &mut self,
        relid: u32,
        packet_type: u16,
        flags: u16,
        transaction: u64,
        payload: &[u8],
    ) {
        let length = payload.len().next_multiple_of(8);
        self.0.extend(relid.to_ne_bytes());
        self.0.extend(packet_type.to_ne_bytes());
        self.0.extend(flags.to_ne_bytes());
        self.0.extend(transaction.to_ne_bytes());
        self.0.extend((length as u32).to_ne_bytes());
        self.0.extend([0; 4]);
        self.0.extend(payload);
        self.0.resize(self.0.len() + length - payload.len(), 0);
    }
}

/// `/dev/dxg`: the driver.
pub struct Driver(File);

impl Driver {
    pub fn open() -> io::Result<Self> {
        Ok(Self(File::open("/dev/dxg")?))
    }

    /// Makes the call. An errno that it was to return is no error.
    pub fn send(&self, sending: &Sending) -> io::Result<()> {
        let worker = if sending.in_worker { IN_WORKER } else { 0 };
        let mut call = Call {
            payload: sending.payload.as_ptr() as u64,
            length: sending.payload.len() as u32,
            relid: sending.relid,
            transaction: sending.transaction,
            mode: sending.mode as u32 | worker,
            packet_type: sending.packet_type,
            flags: sending.flags,
            refusals: sending.refusals,
            value: sending.value,
            replies: sending.replies.0.as_ptr() as u64,
            replies_length: sending.replies.0.len() as u32,
            expected: sending.expected,
            result: sending.result,
            failure: i32::MAX,
        };
        // SAFETY: the driver takes a `struct play_call` whatever the request
        // is, and both buffers live until it returns.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), sending.request as _, &raw mut call) };
        if call.failure != 0 {
            return Err(io::Error::other(format!(
                "the driver could not play a call: failure {}, result {result}",
                call.failure
            )));
        }
        Ok(())
    }
}

/// `/dev/vmbus-host`: the host, and the log of what was played.
pub struct Host(File);

impl Host {
    pub fn open() -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/vmbus-host")?;
        Ok(Self(file))
    }

    /// Offers a channel; one that is there already stays.
    pub fn offer(&self, offer: &Offer) -> io::Result<()> {
        // SAFETY: the request takes this struct.
        match check(unsafe { libc::ioctl(self.0.as_raw_fd(), OFFER as _, offer) }) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    /// Puts packets into the rings and waits until the driver has taken them.
    pub fn deliver(&self, packets: &HostPackets) -> io::Result<()> {
        let argument = Packets {
            packets: packets.0.as_ptr() as u64,
            length: packets.0.len() as u32,
            reserved: 0,
        };
        // SAFETY: the request takes this struct, and the buffer lives on.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), HOST as _, &raw const argument) })
    }

    /// Waits until `count` packets have been sent since [`Host::forget`].
    pub fn wait_for_sent(&self, count: u64) -> io::Result<()> {
        // SAFETY: the request takes a `u64`.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), SENT as _, &raw const count) })
    }

    /// Takes an offer back. Returns when the driver has let go of the channel.
    pub fn rescind(&self, relid: u32) -> io::Result<()> {
        let rescind = [relid, 0];
        // SAFETY: the request takes a `struct play_rescind`: two numbers.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), RESCIND as _, rescind.as_ptr()) })
    }

    /// Starts a new log.
    pub fn forget(&mut self) -> io::Result<()> {
        self.0.write_all(b"log\n")
    }

    /// Starts to count anew what is sent.
    pub fn forget_sent(&mut self) -> io::Result<()> {
        self.0.write_all(b"sent\n")
    }

    /// What was played since.
    pub fn played(&mut self) -> io::Result<Vec<Played>> {
        let mut log = Vec::new();
        self.0.seek(SeekFrom::Start(0))?;
        self.0.read_to_end(&mut log)?;
        let mut played = Vec::new();
        let mut rest = log.as_slice();
        while !rest.is_empty() {
            let (one, size) = Played::read(rest)
                .ok_or_else(|| io::Error::other("the log of the play is broken"))?;
            played.push(one);
            rest = rest.get(size..).unwrap_or_default();
        }
        Ok(played)
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// `struct played`: a packet that was sent or received.
#[derive(Debug, Clone)]
pub struct Played {
    pub sent: bool,
    pub packet_type: u16,
    pub flags: u16,
    pub transaction: u64,
    pub relid: u32,
    pub pid: u32,
    pub tid: u32,
    pub comm: [u8; 16],
    pub value: i32,
    pub refusals: u32,
    pub expected: u32,
    pub ioctl: u32,
    pub result: i32,
    pub payload: Vec<u8>,
}

impl Played {
    const HEADER: usize = 72;

    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let size = u32::from_ne_bytes(part(bytes, 0)?) as usize;
        let length = u32::from_ne_bytes(part(bytes, 20)?) as usize;
        let payload = bytes.get(Self::HEADER..size)?.get(..length)?;
        let played = Self {
            sent: u16::from_ne_bytes(part(bytes, 4)?) == 1,
            packet_type: u16::from_ne_bytes(part(bytes, 6)?),
            transaction: u64::from_ne_bytes(part(bytes, 8)?),
            relid: u32::from_ne_bytes(part(bytes, 16)?),
            pid: u32::from_ne_bytes(part(bytes, 24)?),
            tid: u32::from_ne_bytes(part(bytes, 28)?),
            comm: part(bytes, 32)?,
            flags: u16::from_ne_bytes(part(bytes, 48)?),
            value: i32::from_ne_bytes(part(bytes, 52)?),
            refusals: u32::from_ne_bytes(part(bytes, 56)?),
            expected: u32::from_ne_bytes(part(bytes, 60)?),
            ioctl: u32::from_ne_bytes(part(bytes, 64)?),
            result: i32::from_ne_bytes(part(bytes, 68)?),
            payload: payload.to_vec(),
        };
        Some((played, size))
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
