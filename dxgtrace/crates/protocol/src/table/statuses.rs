//! The statuses of the host, and the results that the driver returns for them.
//!
//! Numbers and errnos of statuses that the driver handles are the driver's;
//! all other names are from the public list MS-ERREF.

use crate::schema::values::GuestResult::{Errno, Positive, Unmapped, Zero};
use crate::schema::values::NamedStatus;

/// All named statuses, by value.
pub static STATUSES: &[NamedStatus] = &[
    NamedStatus {
        value: 0x0000_0000,
        name: "STATUS_SUCCESS",
        result: Zero,
        doc: "The request succeeded.",
    },
    NamedStatus {
        value: 0x0000_0102,
        name: "STATUS_TIMEOUT",
        result: Positive,
        doc: "The wait ended before the object was signalled; the driver passes \
                     it on as success.",
    },
    NamedStatus {
        value: 0x0000_0103,
        name: "STATUS_PENDING",
        result: Positive,
        doc: "Accepted; the operation finishes when the paging fence reaches \
                     the returned value.",
    },
    NamedStatus {
        value: 0xC000_0001,
        name: "STATUS_UNSUCCESSFUL",
        result: Unmapped,
        doc: "The host gives no reason.",
    },
    NamedStatus {
        value: 0xC000_0002,
        name: "STATUS_NOT_IMPLEMENTED",
        result: Errno(-1),
        doc: "The host driver does not have this operation.",
    },
    NamedStatus {
        value: 0xC000_0004,
        name: "STATUS_INFO_LENGTH_MISMATCH",
        result: Unmapped,
        doc: "A length does not fit what is asked for.",
    },
    NamedStatus {
        value: 0xC000_0008,
        name: "STATUS_INVALID_HANDLE",
        result: Errno(-9),
        doc: "A handle in the request means nothing to the host.",
    },
    NamedStatus {
        value: 0xC000_000D,
        name: "STATUS_INVALID_PARAMETER",
        result: Errno(-22),
        doc: "The host refuses a value of the request.",
    },
    NamedStatus {
        value: 0xC000_0017,
        name: "STATUS_NO_MEMORY",
        result: Errno(-12),
        doc: "The host is out of memory, or the process over its budget.",
    },
    NamedStatus {
        value: 0xC000_001D,
        name: "STATUS_ILLEGAL_INSTRUCTION",
        result: Errno(-95),
        doc: "The host driver refuses the operation as unsupported.",
    },
    NamedStatus {
        value: 0xC000_0022,
        name: "STATUS_ACCESS_DENIED",
        result: Errno(-13),
        doc: "The host forbids the operation to this virtual machine or process.",
    },
    NamedStatus {
        value: 0xC000_0023,
        name: "STATUS_BUFFER_TOO_SMALL",
        result: Errno(-75),
        doc: "The buffer in the request is too small for the answer.",
    },
    NamedStatus {
        value: 0xC000_0024,
        name: "STATUS_OBJECT_TYPE_MISMATCH",
        result: Errno(-91),
        doc: "A handle names an object of another kind.",
    },
    NamedStatus {
        value: 0xC000_0033,
        name: "STATUS_OBJECT_NAME_INVALID",
        result: Errno(-2),
        doc: "A name in the request is not valid.",
    },
    NamedStatus {
        value: 0xC000_0034,
        name: "STATUS_OBJECT_NAME_NOT_FOUND",
        result: Errno(-2),
        doc: "Nothing has that name.",
    },
    NamedStatus {
        value: 0xC000_0035,
        name: "STATUS_OBJECT_NAME_COLLISION",
        result: Errno(-17),
        doc: "Something has that name already.",
    },
    NamedStatus {
        value: 0xC000_009A,
        name: "STATUS_INSUFFICIENT_RESOURCES",
        result: Unmapped,
        doc: "The host lacks a resource.",
    },
    NamedStatus {
        value: 0xC000_00BB,
        name: "STATUS_NOT_SUPPORTED",
        result: Errno(-1),
        doc: "The host does not support this request.",
    },
    NamedStatus {
        value: 0xC000_02B6,
        name: "STATUS_DEVICE_REMOVED",
        result: Errno(-19),
        doc: "The GPU is gone: removed, reset or its driver stopped.",
    },
    NamedStatus {
        value: 0xC01E_0100,
        name: "STATUS_GRAPHICS_NO_VIDEO_MEMORY",
        result: Unmapped,
        doc: "No video memory is left.",
    },
    NamedStatus {
        value: 0xC01E_0101,
        name: "STATUS_GRAPHICS_CANT_LOCK_MEMORY",
        result: Unmapped,
        doc: "The memory cannot be locked.",
    },
    NamedStatus {
        value: 0xC01E_0102,
        name: "STATUS_GRAPHICS_ALLOCATION_BUSY",
        result: Errno(-115),
        doc: "The allocation is in use.",
    },
    NamedStatus {
        value: 0xC01E_0103,
        name: "STATUS_GRAPHICS_TOO_MANY_REFERENCES",
        result: Unmapped,
        doc: "The allocation has too many references.",
    },
    NamedStatus {
        value: 0xC01E_0104,
        name: "STATUS_GRAPHICS_TRY_AGAIN_LATER",
        result: Unmapped,
        doc: "Try again later.",
    },
    NamedStatus {
        value: 0xC01E_0105,
        name: "STATUS_GRAPHICS_TRY_AGAIN_NOW",
        result: Unmapped,
        doc: "Try again at once.",
    },
    NamedStatus {
        value: 0xC01E_0106,
        name: "STATUS_GRAPHICS_ALLOCATION_INVALID",
        result: Unmapped,
        doc: "The allocation is not valid.",
    },
    NamedStatus {
        value: 0xC01E_0109,
        name: "STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION",
        result: Unmapped,
        doc: "A pinned allocation cannot be evicted.",
    },
    NamedStatus {
        value: 0xC01E_0112,
        name: "STATUS_GRAPHICS_ALLOCATION_CLOSED",
        result: Unmapped,
        doc: "The allocation was closed.",
    },
    NamedStatus {
        value: 0xC01E_0113,
        name: "STATUS_GRAPHICS_INVALID_ALLOCATION_INSTANCE",
        result: Unmapped,
        doc: "The handle is of an earlier allocation at the same place.",
    },
    NamedStatus {
        value: 0xC01E_0114,
        name: "STATUS_GRAPHICS_INVALID_ALLOCATION_HANDLE",
        result: Unmapped,
        doc: "The handle names no allocation.",
    },
    NamedStatus {
        value: 0xC01E_0115,
        name: "STATUS_GRAPHICS_WRONG_ALLOCATION_DEVICE",
        result: Unmapped,
        doc: "The allocation belongs to another device.",
    },
    NamedStatus {
        value: 0xC01E_0116,
        name: "STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST",
        result: Unmapped,
        doc: "The content of the allocation is lost.",
    },
    NamedStatus {
        value: 0xC01E_0200,
        name: "STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE",
        result: Unmapped,
        doc: "The GPU raised an exception on this device.",
    },
];
