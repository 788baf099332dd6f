//! What there is to know of one object.

use super::NONE;
use dxgtrace_protocol::schema::ObjectKind;

/// An object of the session. It stays valid when the object is gone, and never
/// means another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId {
    pub(super) index: u32,
    pub(super) serial: u32,
}

impl ObjectId {
    /// The number of its handle space, if it is a process.
    pub(super) fn space(self) -> u64 {
        u64::from(self.serial) + 1
    }
}

/// The handle space that a handle belongs to, its kind where spaces are told
/// apart by kind, and the handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HandleKey {
    pub(super) space: u64,
    pub(super) handle: u64,
}

impl HandleKey {
    /// A handle that means the same in the whole virtual machine. Whether the
    /// host counts the kinds together is not known, so they are kept apart.
    pub fn vm(kind: ObjectKind, handle: u64) -> Self {
        Self {
            space: (kind as u64 + 1) << 40,
            handle,
        }
    }

    /// A handle of a process.
    pub fn of(process: ObjectId, handle: u64) -> Self {
        Self {
            space: process.space(),
            handle,
        }
    }
}

/// The packet, time and task of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeOrigin {
    /// The packet's number; 0 if it was before the capture.
    pub packet: u64,
    /// Its time in nanoseconds since 1970.
    pub time: u64,
    /// The process and thread that asked for it, 0 if not known.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
}

/// How an object ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectEnd {
    /// A message destroyed it.
    Destroyed,
    /// It went with its owner.
    WithOwner,
    /// Its adapter's channel was closed.
    ChannelClosed,
    /// Its number was given to a new object, so it must have ended unseen.
    Replaced,
}

/// An object that exists.
#[derive(Debug, Clone, Copy)]
pub struct LiveObject {
    /// What it is; `None` while only its number is known.
    pub kind: Option<ObjectKind>,
    /// Its handle, or a guest event's number.
    pub handle: u64,
    /// The process in whose handle space it is.
    pub process: Option<ObjectId>,
    /// That process's handle; 0 if the handle is one of the virtual machine.
    pub process_handle: u64,
    /// What it ends with.
    pub owner: Option<ObjectId>,
    /// Number of the adapter that it lives on.
    pub adapter: Option<u8>,
    /// How many objects with this handle were there before.
    pub generation: u32,
    /// When it was created; packet 0: it was there before the capture.
    pub created: ChangeOrigin,
    /// The packet that last named it.
    pub used: u64,
    /// Bytes of an allocation; of a process, of all of its allocations.
    pub bytes: u64,
    /// How often an allocation was made resident; of a process, the bytes of
    /// its resident allocations.
    pub resident: u64,
    /// Whether an allocation's memory may be reused for others.
    pub offered: bool,
    /// The run of packets without loss in which it was created or learnt.
    pub(crate) epoch: u32,
    /// A request that ends it is under way.
    pub(crate) dying: bool,
    /// It may have ended unseen.
    pub(crate) doubtful: bool,
    /// Whether it surely ends with its owner.
    pub(crate) loose: bool,
    /// A guest event that may be signalled more than once.
    pub(crate) lasting: bool,
    /// Owners before whose end the driver destroys it.
    pub(crate) settled: &'static [ObjectKind],
    pub(super) serial: u32,
    pub(super) first_child: u32,
    pub(super) next: u32,
    pub(super) previous: u32,
}

impl LiveObject {
    /// An object about which nothing but this is known.
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
            used: created.packet,
            bytes: 0,
            resident: 0,
            offered: false,
            epoch,
            dying: false,
            doubtful: false,
            loose: false,
            lasting: false,
            settled: &[],
            serial: 0,
            first_child: NONE,
            next: NONE,
            previous: NONE,
        }
    }

    /// Whether it was there before the capture, or its creation is missing.
    pub fn is_from_before(&self) -> bool {
        self.created.packet == 0
    }
}

/// An object that is gone.
#[derive(Debug, Clone, Copy)]
pub struct EndedObject {
    /// What it was, when it ended.
    pub entity: LiveObject,
    /// When it ended.
    pub at: ChangeOrigin,
    /// How it ended.
    pub end: ObjectEnd,
    /// Whether it surely ended.
    pub(crate) certain: bool,
    /// The run of packets without loss in which it ended.
    pub(crate) epoch: u32,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectChange {
    /// The object, as it was created or as it ended.
    pub entity: LiveObject,
    /// What it belongs to, if that still exists.
    pub owner: Option<(Option<ObjectKind>, u64)>,
    /// How it ended; `None` if it begins.
    pub end: Option<ObjectEnd>,
}
