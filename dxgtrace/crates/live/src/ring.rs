//! The ring buffer between the probe and user space.

use std::{io, time::Duration};

use aya::{
    Ebpf,
    maps::{MapData, RingBuf, ring_buf::RingBufItem},
};
use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use super::error::AttachError;

/// Interval at which the ring is read, and so the longest delay of a record. In
/// between, the probe wakes the reader only when much of the ring is unread.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The consumer of the ring buffer.
pub(super) struct RingReader {
    records: RingBuf<MapData>,
    epoll: OwnedFd,
}

impl RingReader {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, AttachError> {
        let map = ebpf
            .take_map("RECORDS")
            .ok_or(AttachError::Object("the probe has no map RECORDS".into()))?;
        let records = RingBuf::try_from(map).map_err(AttachError::from_map)?;
        // Edge triggered, so that only the probe's wake-ups end the wait; level
        // triggered, every single record would.
        let events = epoll::EventFlags::IN | epoll::EventFlags::ET;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .and_then(|poll| {
                epoll::add(&poll, &records, epoll::EventData::new_u64(0), events)?;
                Ok(poll)
            })
            .map_err(|error| AttachError::Kernel(error.into()))?;
        Ok(Self { records, epoll })
    }

    /// The next record, if there is one.
    pub(super) fn next(&mut self) -> Option<RingBufItem<'_>> {
        self.records.next()
    }

    /// Waits for a wake-up of the probe or for [`POLL_INTERVAL`]. Returns false on a
    /// signal and once `timeout` has passed.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let slice = timeout.min(POLL_INTERVAL);
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: slice.subsec_nanos().into(),
        };
        let mut events: [epoll::Event; 1] = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }];
        match epoll::wait(&self.epoll, &mut events, Some(&time)) {
            Ok(_) => Ok(slice < timeout),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
