//! The threads of the stand-in.

use std::{
    collections::HashMap,
    ffi::CString,
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use super::{EAGAIN, channel::FakeChannel, driver};
use crate::capture::header::{Header, Known};

/// At most so many threads exist; then the one that has been idle the longest
/// makes room.
const LIMIT: usize = 256;

/// A packet to send.
pub(super) struct Sending {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) payload: Vec<u8>,
    pub(super) transaction: u64,
    pub(super) packet_type: u16,
    pub(super) flags: u16,
    /// So many attempts fail with -EAGAIN before.
    pub(super) refusals: u32,
    /// What the last attempt returns.
    pub(super) value: i32,
}

/// A batch of packets to receive.
pub(super) struct Receiving {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) packets: Vec<Vec<u8>>,
}

enum Job {
    Send(Sending),
    Receive(Receiving),
}

/// A thread that does what it is told, one job at a time.
pub(super) struct Worker {
    pub(super) tid: u32,
    /// Its name, as the kernel has it.
    pub(super) comm: [u8; 16],
    // Dropped to end the thread.
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    used: u64,
}

/// The threads by whom they stand in for.
#[derive(Default)]
pub(super) struct Workers {
    tasks: HashMap<(u32, u32, [u8; 16]), Worker>,
    softirq: Option<Worker>,
    uses: u64,
}

impl Workers {
    /// The thread that stands in for the task of a recorded send.
    pub(super) fn task(&mut self, header: &Header) -> io::Result<&Worker> {
        let key = if header.known.has(Known::TASK) {
            (header.pid, header.tid, header.comm)
        } else {
            (0, 0, *b"unknown\0\0\0\0\0\0\0\0\0")
        };
        if self.tasks.len() >= LIMIT && !self.tasks.contains_key(&key) {
            let oldest = self.tasks.iter().min_by_key(|(_, worker)| worker.used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.tasks.remove(&oldest);
            }
        }
        self.uses += 1;
        let worker = match self.tasks.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Worker::start(&key.2)?)
            }
        };
        worker.used = self.uses;
        Ok(worker)
    }

    /// The thread that receives.
    pub(super) fn softirq(&mut self) -> io::Result<&Worker> {
        match &mut self.softirq {
            Some(worker) => Ok(worker),
            none => Ok(none.insert(Worker::start(b"softirq\0\0\0\0\0\0\0\0\0")?)),
        }
    }
}

impl Worker {
    fn start(comm: &[u8; 16]) -> io::Result<Self> {
        // The kernel keeps 15 bytes and a NUL.
        let length = comm.iter().position(|&byte| byte == 0).unwrap_or(15);
        let name = CString::new(comm.get(..length).unwrap_or_default())?;
        let mut kept = [0; 16];
        for (to, from) in kept.iter_mut().zip(name.as_bytes()) {
            *to = *from;
        }
        let (jobs, todo) = sync_channel(1);
        let (finished, done) = sync_channel(1);
        let (hello, started) = sync_channel(1);
        let thread = std::thread::Builder::new().spawn(move || {
            // A name that cannot be set is not worth failing for.
            let _ = rustix::thread::set_name(&name);
            let tid = rustix::thread::gettid()
                .as_raw_nonzero()
                .get()
                .cast_unsigned();
            if hello.send(tid).is_ok() {
                work(&todo, &finished);
            }
        })?;
        let tid = started.recv().map_err(gone)?;
        Ok(Self {
            tid,
            comm: kept,
            jobs: Some(jobs),
            done,
            thread: Some(thread),
            used: 0,
        })
    }

    /// Sends a packet and gives its payload back.
    pub(super) fn send(&self, sending: Sending) -> io::Result<Vec<u8>> {
        self.run(Job::Send(sending))
    }

    /// Receives a batch.
    pub(super) fn receive(&self, receiving: Receiving) -> io::Result<()> {
        self.run(Job::Receive(receiving)).map(drop)
    }

    fn run(&self, job: Job) -> io::Result<Vec<u8>> {
        let jobs = self.jobs.as_ref().ok_or_else(|| gone(()))?;
        jobs.send(job).map_err(gone)?;
        self.done.recv().map_err(gone)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

fn work(todo: &Receiver<Job>, finished: &SyncSender<Vec<u8>>) {
    while let Ok(job) = todo.recv() {
        let payload = match job {
            Job::Send(sending) => send(sending),
            Job::Receive(receiving) => {
                driver::receive(&receiving.channel, receiving.packets);
                Vec::new()
            }
        };
        if finished.send(payload).is_err() {
            break;
        }
    }
}

fn send(sending: Sending) -> Vec<u8> {
    let attempts = std::iter::repeat_n(EAGAIN, sending.refusals as usize);
    for value in attempts.chain([sending.value]) {
        driver::send(
            &sending.channel,
            &sending.payload,
            sending.transaction,
            sending.packet_type,
            sending.flags,
            value,
        );
    }
    sending.payload
}

fn gone<T>(_: T) -> io::Error {
    io::Error::other("a thread of the stand-in has ended")
}
