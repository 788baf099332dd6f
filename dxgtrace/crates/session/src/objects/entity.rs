//! The data of one object.

use super::NONE;
use dxgtrace_protocol::schema::ObjectKind;

/// The identity of an object in a session. It is never reused, not even after
/// the object ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId {
    pub(super) index: u32,
    pub(super) serial: u32,
}

impl ObjectId {
    /// The number of the process's handle space.
    pub(super) fn handle_space(self) -> u64 {
        u64::from(self.serial) + 1
    }
}

/// A handle and the space in which it is unique: a process, or a kind of
/// VM-wide object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HandleKey {
    pub(super) space: u64,
    pub(super) handle: u64,
}

impl HandleKey {
    /// The key of a handle that is valid in the whole virtual machine. Whether
    /// kinds share a number space on the host is not known, so each kind has
    /// its own.
    pub fn vm_wide(kind: ObjectKind, handle: u64) -> Self {
        Self {
            space: (kind as u64 + 1) << 40,
            handle,
        }
    }

    /// The key of a handle in the handle table of `process`.
    pub fn in_process(process: ObjectId, handle: u64) -> Self {
        Self {
            space: process.handle_space(),
            handle,
        }
    }
}

/// The packet, time and task of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeOrigin {
    /// The packet's number; 0 if it precedes the capture.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The process (thread group id) that requested it, 0 if not known.
    pub pid: u32,
    /// The thread that requested it, 0 if not known.
    pub tid: u32,
}

/// How an object ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectEnd {
    /// A message destroyed it.
    Destroyed,
    /// It ended with its owner.
    WithOwner,
    /// Its adapter's channel was closed.
    ChannelClosed,
    /// Its handle was given to a new object: its end was not captured.
    Replaced,
}

/// An object that exists.
#[derive(Debug, Clone, Copy)]
pub struct LiveObject {
    /// Its kind; `None` while only its handle is known.
    pub kind: Option<ObjectKind>,
    /// Its handle, or a guest event's number.
    pub handle: u64,
    /// The process whose handle table holds it.
    pub process: Option<ObjectId>,
    /// The handle of that process; 0 if the object's handle is VM-wide.
    pub process_handle: u64,
    /// The object that it ends with.
    pub owner: Option<ObjectId>,
    /// Number of the adapter that it is on.
    pub adapter: Option<u8>,
    /// Number of earlier objects with the same handle.
    pub generation: u32,
    /// Its creation; the packet is 0 if it predates the capture.
    pub created: ChangeOrigin,
    /// Number of the last packet that named it.
    pub last_used: u64,
    /// For an allocation, its bytes; for a process, the bytes of all its
    /// allocations.
    pub bytes: u64,
    /// For an allocation, its residency count; for a process, the bytes of its
    /// resident allocations.
    pub resident: u64,
    /// Whether the memory of the allocation is offered for reuse.
    pub offered: bool,
    /// The loss-free run of packets in which it was created or first seen.
    pub(crate) epoch: u32,
    /// Whether a request that destroys it is outstanding.
    pub(crate) dying: bool,
    /// Whether it may have ended although no reply confirmed it.
    pub(crate) may_have_ended: bool,
    /// Whether it is unknown that it ends with its owner.
    pub(crate) may_outlive_owner: bool,
    /// Whether a sync object has a VM-wide name, so that other processes may
    /// have it too.
    pub(crate) shared: bool,
    /// Whether the host may signal the guest event more than once.
    pub(crate) repeats: bool,
    /// Kinds of owner before whose end the driver destroys it.
    pub(crate) destroyed_before: &'static [ObjectKind],
    pub(super) serial: u32,
    pub(super) first_child: u32,
    pub(super) next_sibling: u32,
    pub(super) previous_sibling: u32,
}

impl LiveObject {
    /// Creates an object of which only these values are known.
    pub(crate) fn new(
        kind: Option<ObjectKind>,
        handle: u64,
        created: ChangeOrigin,
        epoch: u32,
    ) -> Self {
        Self {
            kind,
            handle,
            process: None,
            process_handle: 0,
            owner: None,
            adapter: None,
            generation: 0,
            created,
            last_used: created.packet,
            bytes: 0,
            resident: 0,
            offered: false,
            epoch,
            dying: false,
            may_have_ended: false,
            may_outlive_owner: false,
            shared: false,
            repeats: false,
            destroyed_before: &[],
            serial: 0,
            first_child: NONE,
            next_sibling: NONE,
            previous_sibling: NONE,
        }
    }

    /// Whether it predates the capture, or its creation was not captured.
    pub fn predates_capture(&self) -> bool {
        self.created.packet == 0
    }
}

/// An object that has ended.
#[derive(Debug, Clone, Copy)]
pub struct EndedObject {
    /// Its state when it ended.
    pub entity: LiveObject,
    /// When it ended.
    pub at: ChangeOrigin,
    /// How it ended.
    pub end: ObjectEnd,
    /// Whether it is certain that it ended.
    pub(crate) certain: bool,
    /// The loss-free run of packets in which it ended.
    pub(crate) epoch: u32,
}

/// The start or end of an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectChange {
    /// The object when it started or ended.
    pub entity: LiveObject,
    /// Kind and handle of its owner, if that still exists.
    pub owner: Option<(Option<ObjectKind>, u64)>,
    /// How it ended; `None` if it started.
    pub end: Option<ObjectEnd>,
}
