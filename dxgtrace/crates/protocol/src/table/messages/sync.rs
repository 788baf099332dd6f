//! Sync objects: creation, waits, signals.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        8,
        "create_sync_object",
        "CREATESYNCOBJECT",
        "Creates a fence, semaphore, mutex or notification.",
    )
    .request(
        layout(
            128,
            &fields([
                device_field(24),
                field(28, "reserved", U32, "Unused.").reserved(),
                field(
                    32,
                    "info.type",
                    Enum(&D3DDDI_SYNCHRONIZATIONOBJECT_TYPE),
                    "What kind.",
                ),
                field(
                    36,
                    "info.flags",
                    Flags32(&D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS),
                    "Options.",
                ),
                field(
                    40,
                    "info.synchronization_mutex.initial_state",
                    U32,
                    "Whether the mutex starts signalled.",
                )
                .when(when("info.type", &[1])),
                field(
                    40,
                    "info.semaphore.max_count",
                    U32,
                    "Highest count of the semaphore.",
                )
                .when(when("info.type", &[2])),
                field(
                    44,
                    "info.semaphore.initial_count",
                    U32,
                    "First count of the semaphore.",
                )
                .when(when("info.type", &[2])),
                field(40, "info.fence.fence_value", U64, "The fence value.")
                    .when(when("info.type", &[3]))
                    .role(FieldRole::FirstFenceValue),
                field(
                    40,
                    "info.cpu_notification.event",
                    Event,
                    "Guest event id (the guest replaces the user eventfd number).",
                )
                .when(when("info.type", &[4]))
                .creates()
                .owned_by(&["sync_object"])
                .signalled_repeatedly(),
                field(
                    40,
                    "info.monitored_fence.initial_fence_value",
                    U64,
                    "First value of the fence.",
                )
                .when(when("info.type", &[5]))
                .role(FieldRole::FirstFenceValue),
                field(
                    48,
                    "info.monitored_fence.fence_cpu_virtual_address",
                    Pointer,
                    "User-supplied, meaningless on the wire.",
                )
                .when(when("info.type", &[5]))
                .output(),
                field(
                    56,
                    "info.monitored_fence.fence_gpu_virtual_address",
                    Address,
                    "User-supplied, meaningless on the wire.",
                )
                .when(when("info.type", &[5]))
                .output(),
                field(
                    64,
                    "info.monitored_fence.engine_affinity",
                    U32,
                    "Which engines, as a mask.",
                )
                .when(when("info.type", &[5])),
                field(
                    40,
                    "info.periodic_monitored_fence.adapter",
                    U32,
                    "The adapter as the application numbers it: no handle of the host's.",
                )
                .when(when("info.type", &[6])),
                field(
                    44,
                    "info.periodic_monitored_fence.vidpn_target_id",
                    U32,
                    "Display target.",
                )
                .when(when("info.type", &[6])),
                field(48, "info.periodic_monitored_fence.time", U64, "Period.")
                    .when(when("info.type", &[6])),
                field(
                    56,
                    "info.periodic_monitored_fence.fence_cpu_virtual_address",
                    Pointer,
                    "CPU address of the fence value; meaningless on the wire.",
                )
                .when(when("info.type", &[6])),
                field(
                    64,
                    "info.periodic_monitored_fence.fence_gpu_virtual_address",
                    Address,
                    "GPU address of the fence value.",
                )
                .when(when("info.type", &[6])),
                field(
                    72,
                    "info.periodic_monitored_fence.engine_affinity",
                    U32,
                    "Which engines, as a mask.",
                )
                .when(when("info.type", &[6])),
                field(
                    104,
                    "info.shared_handle",
                    Handle(&[SyncObjectShare]),
                    "The share; 0 means failure.",
                )
                .output(),
                field(
                    112,
                    "sync_object",
                    Handle(&[SyncObject]),
                    "The sync object.",
                )
                .output(),
                field(116, "reserved1", U32, "Unused.").reserved(),
                field(
                    120,
                    "client_hint",
                    U32,
                    "Constant 1 in this driver; NOT a D3DKMT_CLIENTHINT value space (1 \
                     means user-mode-driver client).",
                )
                .always(1),
            ]),
        )
        .gap(76, 28)
        .gap(108, 4)
        .gap(124, 4)
        .copied(),
    )
    .reply(
        layout(
            32,
            &[
                field(0, "sync_object", Handle(&[SyncObject]), "The sync object.")
                    .creates()
                    .owned_by(&["device"])
                    .owned_when(when("info.type", &[5, 6])),
                field(
                    4,
                    "global_sync_object",
                    Handle(&[SyncObjectShare]),
                    "The VM-wide name, if the object is shared.",
                )
                .creates()
                .effect_when(when_set(
                    "info.flags",
                    &D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS,
                    "shared",
                )),
                field(
                    8,
                    "fence_gpu_va",
                    Address,
                    "GPU address of the fence value.",
                ),
                field(
                    16,
                    "fence_storage_address",
                    Address,
                    "Guest-physical address of the fence page inside the IO-space \
                     window; mapped only for types 5 and 6.",
                ),
                field(24, "fence_storage_offset", U32, "Not used by the guest."),
            ],
        )
        .gap(28, 4),
    )
    .notes(&["Only 64-bit GPU VA in the response for monitored/periodic fences."]),
    Message::new(
        Vgpu,
        22,
        "wait_for_sync_object_from_cpu",
        "WAITFORSYNCOBJECTFROMCPU",
        "Registers a wait of the CPU; a host message with the event number \
                     ends it.",
    )
    .cause("0x3a; 0x45 (one object).")
    .request(
        layout(
            56,
            &[
                device_field(24),
                field(
                    28,
                    "object_count",
                    U32,
                    "Entries in the list of sync objects.",
                ),
                field(
                    32,
                    "flags",
                    Flags32(&D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS),
                    "Options.",
                ),
                field(
                    40,
                    "guest_event_pointer",
                    Event,
                    "Guest event id (small counter, first value 2), echoed in \
                     SIGNALGUESTEVENT.event.",
                )
                .creates(),
                field(48, "dereference_event", Bool, "Always 0.").always(0),
            ],
        )
        .gap(36, 4)
        .gap(49, 7)
        .tails(
            56,
            &[
                tail(
                    "objects",
                    Handle(&[SyncObject]),
                    TailLength::Field("object_count"),
                    "The sync objects.",
                )
                .uses()
                .role(FieldRole::Awaited),
                tail(
                    "fence_values",
                    U64,
                    TailLength::Field("object_count"),
                    "Not 8-byte aligned when object_count is odd.",
                )
                .role(FieldRole::FenceValues),
            ],
        ),
    )
    .reply_status()
    .notes(&[
        "The completion only says the wait was queued; the wait ends with \
         SIGNALGUESTEVENT(PASSIVE) carrying the same id.",
    ]),
    Message::new(
        Vgpu,
        25,
        "wait_for_sync_object_from_gpu",
        "WAITFORSYNCOBJECTFROMGPU",
        "Lets a context or hardware queue wait for sync objects.",
    )
    .cause("0x12 (legacy), 0x3b, 0x36 (hardware queue), 0x46.")
    .request(
        layout(
            48,
            &[
                field(
                    24,
                    "context",
                    Handle(&[Context, HwQueue]),
                    "Hardware queue handle for 0x36.",
                )
                .uses()
                .role(FieldRole::Queue),
                field(28, "object_count", U32, "1..32.").range(1, 32),
                field(
                    32,
                    "legacy_fence_object",
                    Bool,
                    "1 for non-monitored fences; the protocol then expects \
                     object_count == 1, which the guest does not enforce.",
                ),
            ],
        )
        .gap(33, 7)
        .tails(
            40,
            &[
                tail(
                    "fence_values",
                    U64,
                    TailLength::Field("object_count"),
                    "One fence value per object.",
                )
                .role(FieldRole::FenceValues),
                tail(
                    "objects",
                    Handle(&[SyncObject]),
                    TailLength::Field("object_count"),
                    "The sync objects.",
                )
                .uses()
                .role(FieldRole::QueueAwaited),
            ],
        ),
    )
    .reply_status()
    .mode(ReplyMode::Async)
    .notes(&[
        "Array order is fences first, handles second (the opposite of id \
         22 and 26).",
        "With legacy_fence_object only fence_values[0] is meaningful: the \
         guest copies object_count*8 bytes from a single value (see \
         traps).",
    ]),
    Message::new(
        Vgpu,
        26,
        "signal_sync_object",
        "SIGNALSYNCOBJECT",
        "Signals sync objects, from the CPU or from contexts or hardware \
                     queues.",
    )
    .cause("0x11 (legacy), 0x31 (CPU), 0x32, 0x33, 0x35 (hardware queues).")
    .request(
        layout(
            56,
            &fields([
                field(
                    24,
                    "object_count",
                    U32,
                    "Entries in the list of sync objects.",
                )
                .range(0, 32),
                field(28, "flags", Flags32(&D3DDDICB_SIGNALFLAGS), "Options."),
                field(
                    32,
                    "context_count",
                    U32,
                    "Count in the message, including the context that 0x11 prepends to \
                     the user list.",
                ),
                field(
                    40,
                    "fence_value",
                    U64,
                    "Legacy fence value of 0x11 (when enqueue_cpu_event is set it \
                     holds the user eventfd number, because both share a union in the \
                     ioctl); 0 otherwise.",
                )
                .role(FieldRole::FenceValue),
                field(
                    48,
                    "cpu_event_handle",
                    Event,
                    "Guest event id, echoed by SIGNALGUESTEVENT.",
                )
                .when(when_set(
                    "flags",
                    &D3DDDICB_SIGNALFLAGS,
                    "enqueue_cpu_event",
                ))
                .creates(),
                field(
                    48,
                    "device",
                    Handle(&[Device]),
                    "Device handle for 0x31, otherwise 0.",
                )
                .when(when_clear(
                    "flags",
                    &D3DDDICB_SIGNALFLAGS,
                    "enqueue_cpu_event",
                ))
                .uses(),
            ]),
        )
        .gap(36, 4)
        .tails(
            56,
            &[
                tail(
                    "objects",
                    Handle(&[SyncObject]),
                    TailLength::Field("object_count"),
                    "The sync objects.",
                )
                .uses()
                .role(FieldRole::Signalled),
                tail(
                    "contexts",
                    Handle(&[Context, HwQueue]),
                    TailLength::Field("context_count"),
                    "Hardware queue handles for 0x35.",
                )
                .uses()
                .role(FieldRole::Queue),
                tail(
                    "fence_values",
                    U64,
                    TailLength::FieldIfRoom("object_count"),
                    "May be unaligned; fence_count is derived: 0 or object_count.",
                )
                .role(FieldRole::FenceValues),
            ],
        ),
    )
    .reply_status()
    .mode(ReplyMode::Async)
    .notes(&["Object_count may be 0 with enqueue_cpu_event (0x33)."]),
    Message::new(
        Vgpu,
        27,
        "signal_fence_nt_shared_by_ref",
        "SIGNALFENCENTSHAREDBYREF",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        46,
        "is_sync_object_signaled",
        "ISSYNCOBJECTSIGNALED",
        "Named, but neither its layout nor a sender is public.",
    ),
];
