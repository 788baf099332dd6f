//! The threads of the stand-in.

use std::{
    cell::Cell,
    collections::HashMap,
    ffi::CString,
    io,
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use super::{EAGAIN, channel::FakeChannel, driver};

/// At most so many threads exist; then the one that has been idle the longest
/// makes room.
const LIMIT: usize = 256;

/// A packet to send.
pub(super) struct SendJob {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) payload: Vec<u8>,
    pub(super) transaction: u64,
    pub(super) packet_type: u16,
    pub(super) flags: u16,
    /// So many attempts fail with -EAGAIN before.
    pub(super) refusals: u32,
    /// What the last attempt returns.
    pub(super) value: i32,
    /// The ioctl to send it in; one that is in progress goes on.
    pub(super) ioctl: Option<u32>,
    /// So many bytes of a reply are waited for until [`StandInThread::answer`].
    pub(super) expected: Option<u32>,
}

/// A batch of packets to receive.
pub(super) struct ReceiveJob {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) packets: Vec<Vec<u8>>,
}

enum WorkerJob {
    Send(SendJob),
    Receive(ReceiveJob),
    /// The reply that is waited for has come; the wait returns this.
    Answer(i32),
    /// The ioctl ends and returns this. If none is in progress, one of that
    /// number takes place.
    End(u32, i32),
}

/// Who a thread stands in for.
pub(super) type TaskIdentity = (u32, u32, [u8; 16]);

/// An ioctl in progress.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenIoctl {
    pub(super) request: u32,
    pub(super) messages: u64,
    /// What the first failed wait in it returned, or 0; nothing before one.
    pub(super) waited: Option<i32>,
}

/// A thread that does what it is told, one job at a time.
pub(super) struct StandInThread {
    pub(super) tid: u32,
    /// Its name, as the kernel has it.
    pub(super) comm: [u8; 16],
    /// The ioctl that it is in.
    pub(super) open: Option<OpenIoctl>,
    /// Whether it waits for a reply.
    pub(super) waits: bool,
    // Dropped to end the thread.
    jobs: Option<SyncSender<WorkerJob>>,
    done: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    used: u64,
}

/// The threads by whom they stand in for.
#[derive(Default)]
pub(super) struct Workers {
    tasks: HashMap<TaskIdentity, StandInThread>,
    softirq: Option<StandInThread>,
    uses: u64,
}

impl Workers {
    /// The thread that stands in for a task.
    pub(super) fn task(&mut self, key: TaskIdentity) -> io::Result<&mut StandInThread> {
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
                entry.insert(StandInThread::start(&key.2)?)
            }
        };
        worker.used = self.uses;
        Ok(worker)
    }

    /// Those that are in an ioctl.
    pub(super) fn open(&self) -> Vec<TaskIdentity> {
        let open = self
            .tasks
            .iter()
            .filter(|(_, worker)| worker.open.is_some());
        open.map(|(task, _)| *task).collect()
    }

    /// The thread that receives.
    pub(super) fn softirq(&mut self) -> io::Result<&StandInThread> {
        match &mut self.softirq {
            Some(worker) => Ok(worker),
            none => Ok(none.insert(StandInThread::start(b"softirq\0\0\0\0\0\0\0\0\0")?)),
        }
    }
}

impl StandInThread {
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
                JobQueue::new(todo, finished).work();
            }
        })?;
        let tid = started.recv().map_err(gone)?;
        Ok(Self {
            tid,
            comm: kept,
            open: None,
            waits: false,
            jobs: Some(jobs),
            done,
            thread: Some(thread),
            used: 0,
        })
    }

    /// Sends a packet and gives its payload back.
    pub(super) fn send(&self, sending: SendJob) -> io::Result<Vec<u8>> {
        self.run(WorkerJob::Send(sending))
    }

    /// Receives a batch.
    pub(super) fn receive(&self, receiving: ReceiveJob) -> io::Result<()> {
        self.run(WorkerJob::Receive(receiving)).map(drop)
    }

    /// Ends the wait for a reply, if there is one, with this value.
    pub(super) fn answer(&mut self, value: i32) -> io::Result<()> {
        if !std::mem::take(&mut self.waits) {
            return Ok(());
        }
        self.waited(value);
        self.run(WorkerJob::Answer(value)).map(drop)
    }

    /// Takes note of what a wait returned.
    pub(super) fn waited(&mut self, value: i32) {
        if let Some(open) = &mut self.open {
            open.waited = open.waited.filter(|before| *before != 0).or(Some(value));
        }
    }

    /// Ends an ioctl, and gives what happened in it.
    pub(super) fn end(&mut self, request: u32, result: i32) -> io::Result<OpenIoctl> {
        let none = OpenIoctl {
            request,
            ..OpenIoctl::default()
        };
        self.run(WorkerJob::End(request, result))?;
        Ok(self.open.take().unwrap_or(none))
    }

    fn run(&self, job: WorkerJob) -> io::Result<Vec<u8>> {
        let jobs = self.jobs.as_ref().ok_or_else(|| gone(()))?;
        jobs.send(job).map_err(gone)?;
        self.done.recv().map_err(gone)
    }
}

impl Drop for StandInThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// The jobs of a thread, which it takes at any depth of its calls.
struct JobQueue {
    todo: Receiver<WorkerJob>,
    finished: SyncSender<Vec<u8>>,
    /// A job that has been taken and is for another depth.
    next: Cell<Option<WorkerJob>>,
    /// The job that ended the call: it is done when the call has returned.
    ending: Cell<bool>,
}

impl JobQueue {
    fn new(todo: Receiver<WorkerJob>, finished: SyncSender<Vec<u8>>) -> Rc<Self> {
        Rc::new(Self {
            todo,
            finished,
            next: Cell::new(None),
            ending: Cell::new(false),
        })
    }

    fn take(&self) -> Option<WorkerJob> {
        self.next.take().or_else(|| self.todo.recv().ok())
    }

    fn done(&self, payload: Vec<u8>) {
        // Nobody listens if the player has gone: then there is no next job.
        let _ = self.finished.send(payload);
    }

    /// Says that the job that ended a call is done.
    fn returned(&self) {
        if self.ending.take() {
            self.done(Vec::new());
        }
    }

    /// Outside of any ioctl.
    fn work(self: Rc<Self>) {
        while let Some(job) = self.take() {
            match job {
                WorkerJob::Send(sending) => match sending.ioctl {
                    Some(request) => {
                        self.next.set(Some(WorkerJob::Send(sending)));
                        let queue = self.clone();
                        driver::ioctl(request, move || queue.inside());
                        self.returned();
                    }
                    None => self.send(sending),
                },
                WorkerJob::Receive(receiving) => {
                    driver::receive(&receiving.channel, receiving.packets);
                    self.done(Vec::new());
                }
                WorkerJob::End(request, result) => {
                    driver::ioctl(request, move || result);
                    self.done(Vec::new());
                }
                WorkerJob::Answer(_) => self.done(Vec::new()),
            }
        }
    }

    /// Within an ioctl; gives what it returns.
    fn inside(self: &Rc<Self>) -> i32 {
        while let Some(job) = self.take() {
            match job {
                WorkerJob::Send(sending) => self.send(sending),
                WorkerJob::End(_, result) => {
                    self.ending.set(true);
                    return result;
                }
                WorkerJob::Receive(_) | WorkerJob::Answer(_) => self.done(Vec::new()),
            }
        }
        0
    }

    fn send(self: &Rc<Self>, sending: SendJob) {
        let Some(expected) = sending.expected else {
            return self.done(send(sending).1);
        };
        let queue = self.clone();
        driver::sync(expected, move || {
            let (value, payload) = send(sending);
            queue.done(payload);
            if value != 0 {
                return value;
            }
            match queue.take() {
                Some(WorkerJob::Answer(value)) => {
                    queue.ending.set(true);
                    value
                }
                other => {
                    queue.next.set(other);
                    0
                }
            }
        });
        self.returned();
    }
}

/// Gives what the send function returned, and the payload back.
fn send(sending: SendJob) -> (i32, Vec<u8>) {
    let attempts = std::iter::repeat_n(EAGAIN, sending.refusals as usize);
    let mut result = 0;
    for value in attempts.chain([sending.value]) {
        result = driver::send(
            &sending.channel,
            &sending.payload,
            sending.transaction,
            sending.packet_type,
            sending.flags,
            value,
        );
    }
    (result, sending.payload)
}

fn gone<T>(_: T) -> io::Error {
    io::Error::other("a thread of the stand-in has ended")
}
