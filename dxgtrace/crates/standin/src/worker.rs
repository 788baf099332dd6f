//! The threads of the stand-in.
//!
//! A thread takes jobs from a channel, one at a time. A job can be to send a
//! message within an ioctl, so that the thread is inside the hooked ioctl
//! handler, and inside the function that waits for the reply, while it takes
//! the next job.

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

use super::{channel::FakeChannel, driver};
use dxgtrace_protocol::record::header::ChannelEvent;
use dxgtrace_protocol::table::errno::EAGAIN;

/// Most threads at a time. Beyond that, the one idle the longest is ended.
const LIMIT: usize = 256;

/// A packet to send.
pub(super) struct SendJob {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) payload: Vec<u8>,
    pub(super) transaction: u64,
    pub(super) packet_type: u16,
    pub(super) flags: u16,
    /// Number of attempts that fail with -EAGAIN before the last one.
    pub(super) refusals: u32,
    /// Return value of the last attempt.
    pub(super) value: i32,
    /// Number of the ioctl to send it in. An ioctl in progress is continued.
    pub(super) ioctl: Option<u32>,
    /// Length of the expected reply in bytes; the thread then waits until
    /// [`StandInThread::answer`]. `None` if it does not wait.
    pub(super) expected: Option<u32>,
}

/// A batch of packets to receive.
pub(super) struct ReceiveJob {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) packets: Vec<Vec<u8>>,
}

/// Something that happens to a channel.
pub(super) struct ChannelJob {
    pub(super) channel: Arc<FakeChannel>,
    pub(super) event: ChannelEvent,
    /// Return value of opening it.
    pub(super) value: i32,
}

enum WorkerJob {
    Send(SendJob),
    Receive(ReceiveJob),
    Channel(ChannelJob),
    /// Ends the wait for a reply with this return value.
    Answer(i32),
    /// Ends the ioctl in progress with this return value (the second one). If
    /// none is in progress, an ioctl with this number (the first) is called.
    End(u32, i32),
}

/// The recorded task that a thread plays: pid, tid, comm.
pub(super) type TaskIdentity = (u32, u32, [u8; 16]);

/// An ioctl in progress.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenIoctl {
    pub(super) request: u32,
    pub(super) messages: u64,
    /// Return value of the first wait in it that failed, 0 if none did; `None`
    /// if nothing was waited for.
    pub(super) waited: Option<i32>,
}

/// A thread that runs jobs one at a time.
pub(super) struct StandInThread {
    pub(super) tid: u32,
    /// Name of the thread in the kernel, padded with NULs.
    pub(super) comm: [u8; 16],
    /// The ioctl that the thread is in.
    pub(super) open: Option<OpenIoctl>,
    /// Whether the thread waits for a reply.
    pub(super) waits: bool,
    /// Set to `None` to end the thread.
    jobs: Option<SyncSender<WorkerJob>>,
    done: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    /// [`Workers::uses`] when the thread was last used.
    used: u64,
}

/// The threads, by the task that they play.
#[derive(Default)]
pub(super) struct Workers {
    tasks: HashMap<TaskIdentity, StandInThread>,
    /// The thread that receives.
    softirq: Option<StandInThread>,
    /// Number of look-ups so far.
    uses: u64,
}

impl Workers {
    /// The thread that plays a task; started if there is none.
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

    /// The tasks that are in an ioctl.
    pub(super) fn in_ioctl(&self) -> Vec<TaskIdentity> {
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
        // The kernel keeps at most 15 bytes and a NUL.
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
            // Playing goes on under the default name if this fails.
            let _ = rustix::thread::set_name(&name);
            let tid = rustix::thread::gettid()
                .as_raw_nonzero()
                .get()
                .cast_unsigned();
            if hello.send(tid).is_ok() {
                JobQueue::new(todo, finished).work();
            }
        })?;
        let tid = started.recv().map_err(thread_ended)?;
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

    /// Sends a packet and returns its payload, for reuse.
    pub(super) fn send(&self, job: SendJob) -> io::Result<Vec<u8>> {
        self.run(WorkerJob::Send(job))
    }

    /// Receives a batch of packets.
    pub(super) fn receive(&self, job: ReceiveJob) -> io::Result<()> {
        self.run(WorkerJob::Receive(job)).map(drop)
    }

    /// Lets something happen to a channel.
    pub(super) fn channel_event(&self, job: ChannelJob) -> io::Result<()> {
        self.run(WorkerJob::Channel(job)).map(drop)
    }

    /// Ends the wait for a reply, if there is one, with return value `value`.
    pub(super) fn answer(&mut self, value: i32) -> io::Result<()> {
        if !std::mem::take(&mut self.waits) {
            return Ok(());
        }
        self.record_wait(value);
        self.run(WorkerJob::Answer(value)).map(drop)
    }

    /// Records the return value of a wait in the open ioctl.
    pub(super) fn record_wait(&mut self, value: i32) {
        if let Some(open) = &mut self.open {
            open.waited = open.waited.filter(|before| *before != 0).or(Some(value));
        }
    }

    /// Ends ioctl number `request` with `result`, and returns its record.
    pub(super) fn end_ioctl(&mut self, request: u32, result: i32) -> io::Result<OpenIoctl> {
        let none = OpenIoctl {
            request,
            ..OpenIoctl::default()
        };
        self.run(WorkerJob::End(request, result))?;
        Ok(self.open.take().unwrap_or(none))
    }

    fn run(&self, job: WorkerJob) -> io::Result<Vec<u8>> {
        let jobs = self.jobs.as_ref().ok_or_else(|| thread_ended(()))?;
        jobs.send(job).map_err(thread_ended)?;
        self.done.recv().map_err(thread_ended)
    }
}

impl Drop for StandInThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// The jobs of a thread. Shared by the calls it is nested in, each of which may
/// take the next job.
struct JobQueue {
    todo: Receiver<WorkerJob>,
    finished: SyncSender<Vec<u8>>,
    /// A job that was taken at one level but has to run at another.
    next: Cell<Option<WorkerJob>>,
    /// Whether the current job ends a call. It is done once the call has
    /// returned.
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
        // Fails if the player is thread_ended; then there is no next job either.
        let _ = self.finished.send(payload);
    }

    /// Reports the job that ended a call as done, after the call has returned.
    fn call_returned(&self) {
        if self.ending.take() {
            self.done(Vec::new());
        }
    }

    /// Runs jobs outside of an ioctl until there are no more.
    fn work(self: Rc<Self>) {
        while let Some(job) = self.take() {
            match job {
                WorkerJob::Send(job) => match job.ioctl {
                    Some(request) => {
                        self.next.set(Some(WorkerJob::Send(job)));
                        let queue = self.clone();
                        driver::ioctl(request, move || queue.work_in_ioctl());
                        self.call_returned();
                    }
                    None => self.send(job),
                },
                WorkerJob::Receive(job) => {
                    driver::receive(&job.channel, job.packets);
                    self.done(Vec::new());
                }
                WorkerJob::End(request, result) => {
                    driver::ioctl(request, move || result);
                    self.done(Vec::new());
                }
                WorkerJob::Channel(job) => {
                    driver::channel_event(&job.channel, job.event, job.value);
                    self.done(Vec::new());
                }
                WorkerJob::Answer(_) => self.done(Vec::new()),
            }
        }
    }

    /// Runs jobs inside an ioctl until one ends it, and returns its result.
    fn work_in_ioctl(self: &Rc<Self>) -> i32 {
        while let Some(job) = self.take() {
            match job {
                WorkerJob::Send(job) => self.send(job),
                WorkerJob::End(_, result) => {
                    self.ending.set(true);
                    return result;
                }
                WorkerJob::Receive(_) | WorkerJob::Answer(_) | WorkerJob::Channel(_) => {
                    self.done(Vec::new());
                }
            }
        }
        0
    }

    fn send(self: &Rc<Self>, job: SendJob) {
        let Some(expected) = job.expected else {
            return self.done(send(job).1);
        };
        let queue = self.clone();
        driver::sync(expected, move || {
            let (value, payload) = send(job);
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
        self.call_returned();
    }
}

/// Calls the send function for every attempt; returns its last return value and
/// the payload.
fn send(job: SendJob) -> (i32, Vec<u8>) {
    let attempts = std::iter::repeat_n(EAGAIN, job.refusals as usize);
    let mut result = 0;
    for value in attempts.chain([job.value]) {
        result = driver::send(
            &job.channel,
            &job.payload,
            job.transaction,
            job.packet_type,
            job.flags,
            value,
        );
    }
    (result, job.payload)
}

fn thread_ended<T>(_: T) -> io::Error {
    io::Error::other("a thread of the stand-in has ended")
}
