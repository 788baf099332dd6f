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

/// The ring is looked at this often; in between, the probe wakes the reader
/// only when much is unread. The longest that an interactive trace waits.
const INTERVAL: Duration = Duration::from_millis(20);

/// The reading end.
pub(super) struct RingReader {
    records: RingBuf<MapData>,
    epoll: OwnedFd,
}

impl RingReader {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, AttachError> {
        let map = ebpf
            .take_map("RECORDS")
            .ok_or(AttachError::Object("the probe has no map RECORDS".into()))?;
        let records = RingBuf::try_from(map).map_err(AttachError::map)?;
        // Edge triggered: the probe's deliberate wake-ups count, not the mere
        // presence of data, which would make the reader chase single records.
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

    /// Waits until it makes sense to look again; false if a signal came or
    /// `timeout` is up.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let slice = timeout.min(INTERVAL);
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
