//! Message sets, driver generations, object kinds and types of values.

use crate::schema::values::{Enum, Flags};

/// Which numbering a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageSet {
    /// Guest to host, about one virtual GPU.
    Vgpu = 0,
    /// Guest to host, about the whole virtual machine.
    Global = 1,
    /// Host to guest.
    Host = 2,
}

impl MessageSet {
    /// The set's name in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vgpu => "vgpu",
            Self::Global => "global",
            Self::Host => "host",
        }
    }
}

/// The generations of the driver that differ in their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriverEra {
    /// First public versions (RFC and v1 of 2020).
    May2020,
    /// WSL 5.10 before the version exchange.
    Early2021,
    /// WSL 5.10 with the version exchange.
    Mid2021,
    /// LKML v1 of 2022.
    January2022,
    /// LKML v2 and v3, WSL 5.15.
    February2022,
    /// WSL 6.1.
    February2023,
    /// WSL 6.1.
    April2023,
}

impl DriverEra {
    /// The name of the generation in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::May2020 => "2020-05",
            Self::Early2021 => "early 2021",
            Self::Mid2021 => "mid 2021",
            Self::January2022 => "2022-01",
            Self::February2022 => "2022-02",
            Self::February2023 => "2023-02",
            Self::April2023 => "2023-04",
        }
    }
}

/// The kind of object that a handle names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A guest process that opened the device.
    Process,
    /// A virtual GPU, as the host numbers it.
    Adapter,
    /// A device of a process on an adapter.
    Device,
    /// An execution context of a device.
    Context,
    /// A hardware queue of a context.
    HwQueue,
    /// A queue of paging operations of a device.
    PagingQueue,
    /// Memory of a device.
    Allocation,
    /// A group of allocations.
    Resource,
    /// A fence, semaphore, mutex or notification.
    SyncObject,
    /// The VM-wide name of a shared sync object.
    SyncObjectShare,
    /// The VM-wide name of a shared resource; unused by the driver.
    ResourceShare,
    /// The host object behind a shared file descriptor.
    NtShare,
    /// A number with which the host wakes a waiter in the guest.
    GuestEvent,
    /// A list of guest pages that the host can access.
    Gpadl,
}

impl ObjectKind {
    /// The name of the kind in filters (`dxg.device`), text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Adapter => "adapter",
            Self::Device => "device",
            Self::Context => "context",
            Self::HwQueue => "hwqueue",
            Self::PagingQueue => "paging_queue",
            Self::Allocation => "allocation",
            Self::Resource => "resource",
            Self::SyncObject => "sync_object",
            Self::SyncObjectShare => "sync_object_share",
            Self::ResourceShare => "resource_share",
            Self::NtShare => "nt_share",
            Self::GuestEvent => "guest_event",
            Self::Gpadl => "gpadl",
        }
    }

    /// Whether handles of the kind are unique in the virtual machine. Handles of other
    /// kinds are unique only within a process.
    pub const fn is_vm_wide(self) -> bool {
        matches!(
            self,
            Self::Process
                | Self::Adapter
                | Self::SyncObjectShare
                | Self::ResourceShare
                | Self::NtShare
                | Self::GuestEvent
                | Self::Gpadl
        )
    }

    /// Every kind, in order.
    pub const ALL: &'static [Self] = &[
        Self::Process,
        Self::Adapter,
        Self::Device,
        Self::Context,
        Self::HwQueue,
        Self::PagingQueue,
        Self::Allocation,
        Self::Resource,
        Self::SyncObject,
        Self::SyncObjectShare,
        Self::ResourceShare,
        Self::NtShare,
        Self::GuestEvent,
        Self::Gpadl,
    ];
}

/// The type of a value. All numbers are little endian.
#[derive(Debug, Clone, Copy)]
pub enum FieldType {
    /// Unsigned, 1 byte.
    U8,
    /// Unsigned, 2 bytes.
    U16,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// Signed, 4 bytes.
    I32,
    /// 1 byte, 0 or 1.
    Bool,
    /// 4-byte handle of one of these kinds.
    Handle(&'static [ObjectKind]),
    /// 8-byte number of a [`ObjectKind::GuestEvent`].
    Event,
    /// 4-byte number with names.
    Enum(&'static Enum),
    /// 2-byte set of named bits.
    Flags16(&'static Flags),
    /// 4-byte set of named bits.
    Flags32(&'static Flags),
    /// 8-byte set of named bits.
    Flags64(&'static Flags),
    /// 4-byte status of the host.
    NtStatus,
    /// 8 bytes: `u32` low part, `i32` high part.
    Luid,
    /// 8-byte guest address: meaningless to the host, and private.
    Pointer,
    /// 8-byte GPU or guest-physical address.
    Address,
    /// One UTF-16 code unit, 2 bytes.
    Utf16,
    /// One opaque byte.
    Byte,
}

impl FieldType {
    /// Size of one value in bytes.
    pub const fn size(self) -> u16 {
        match self {
            Self::U8 | Self::Bool | Self::Byte => 1,
            Self::U16 | Self::Flags16(_) | Self::Utf16 => 2,
            Self::U32
            | Self::I32
            | Self::Handle(_)
            | Self::Enum(_)
            | Self::Flags32(_)
            | Self::NtStatus => 4,
            Self::U64
            | Self::Event
            | Self::Flags64(_)
            | Self::Luid
            | Self::Pointer
            | Self::Address => 8,
        }
    }

    /// Whether values of the type have names, so that a value without one is worth a
    /// finding.
    pub const fn has_names(self) -> bool {
        matches!(
            self,
            Self::Flags16(_) | Self::Flags32(_) | Self::Flags64(_) | Self::Enum(_) | Self::Bool
        )
    }

    /// The alignment in bytes that the C compiler uses.
    pub(super) const fn align(self) -> u16 {
        match self {
            Self::Luid => 4,
            _ => self.size(),
        }
    }
}
