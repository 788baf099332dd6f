//! Paging queues, residency, offers and priorities.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        9,
        "create_paging_queue",
        "CREATEPAGINGQUEUE",
        "Creates a queue for paging operations, with the fence that tells \
                     how far it got.",
    )
    .request(
        layout(
            56,
            &[
                device_field(24),
                field(
                    28,
                    "priority",
                    Enum(&D3DDDI_PAGINGQUEUE_PRIORITY),
                    "The priority.",
                ),
                field(
                    32,
                    "paging_queue",
                    Handle(&[PagingQueue]),
                    "Output slot of the user struct, user garbage in the request.",
                )
                .output(),
                field(
                    36,
                    "sync_object",
                    Handle(&[SyncObject]),
                    "Output slot, user garbage.",
                )
                .output(),
                field(
                    40,
                    "fence_cpu_virtual_address",
                    Pointer,
                    "Output slot, user garbage.",
                )
                .output(),
                field(
                    48,
                    "physical_adapter_index",
                    U32,
                    "Which physical adapter of a linked set.",
                ),
            ],
        )
        .gap(52, 4)
        .copied(),
    )
    .reply(layout(
        24,
        &[
            field(
                0,
                "paging_queue",
                Handle(&[PagingQueue]),
                "The paging queue.",
            )
            .creates()
            .owned_by(&["device"]),
            field(4, "sync_object", Handle(&[SyncObject]), "The sync object.")
                .creates()
                .owned_by(&["paging_queue"]),
            field(
                8,
                "fence_storage_physical_address",
                Address,
                "Guest-physical page of the paging fence (IO-space window).",
            ),
            field(16, "fence_storage_offset", U64, "Not used by the guest."),
        ],
    )),
    Message::new(
        Vgpu,
        10,
        "destroy_paging_queue",
        "DESTROYPAGINGQUEUE",
        "Destroys a paging queue and its fence.",
    )
    .cause("0x1c; rollback of CREATEPAGINGQUEUE.")
    .request(
        layout(
            32,
            &[field(
                24,
                "paging_queue",
                Handle(&[PagingQueue]),
                "The paging queue.",
            )
            .destroys()],
        )
        .gap(28, 4),
    )
    .reply_unread()
    .notes(&["The guest asks for a completion but reads no payload; a \
         completion of any length succeeds. Whether the host sends a status \
         is unknown."]),
    Message::new(
        Vgpu,
        11,
        "make_resident",
        "MAKERESIDENT",
        "Pages allocations in; the paging fence tells when they are \
                     resident.",
    )
    .request(
        layout(
            48,
            &[
                field(24, "device", Handle(&[Device]), "Never filled: always 0.").always(0),
                field(
                    28,
                    "paging_queue",
                    Handle(&[PagingQueue]),
                    "The paging queue.",
                )
                .uses()
                .role(FieldRole::Queue),
                field(32, "flags", Flags32(&D3DDDI_MAKERESIDENT_FLAGS), "Options."),
                field(36, "alloc_count", U32, "1..10240.").range(1, 10240),
            ],
        )
        .tails(
            40,
            &[tail(
                "allocations",
                Handle(&[Allocation]),
                TailLength::Field("alloc_count"),
                "The allocations.",
            )
            .uses()
            .role(FieldRole::Resident)],
        )
        .slack(4),
    )
    .reply(
        layout(
            24,
            &[
                field(
                    0,
                    "paging_fence_value",
                    U64,
                    "Fence value at which the paging operation is done.",
                )
                .role(FieldRole::Progress),
                field(
                    8,
                    "num_bytes_to_trim",
                    U64,
                    "Bytes by which the process is over its budget.",
                )
                .role(FieldRole::OverBudget),
                status_field(16),
            ],
        )
        .gap(20, 4),
    )
    .notes(&[
        "4 unused bytes follow the array (alignment of the 48-byte struct).",
        "STATUS_PENDING (0x103) is the normal asynchronous success: wait \
         for paging_fence_value on the paging fence.",
    ]),
    Message::new(
        Vgpu,
        12,
        "evict",
        "EVICT",
        "Takes back one request for residency of each allocation.",
    )
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "flags", Flags32(&D3DDDI_EVICT_FLAGS), "Options."),
                field(32, "alloc_count", U32, "1..10240.").range(1, 10240),
            ],
        )
        .tails(
            36,
            &[tail(
                "allocations",
                Handle(&[Allocation]),
                TailLength::Field("alloc_count"),
                "The allocations.",
            )
            .uses()
            .role(FieldRole::Evicted)],
        ),
    )
    .reply(layout(
        8,
        &[field(
            0,
            "num_bytes_to_trim",
            U64,
            "Bytes by which the process is over its budget.",
        )
        .role(FieldRole::OverBudget)],
    )),
    Message::new(
        Vgpu,
        21,
        "query_video_memory_info",
        "QUERYVIDEOMEMORYINFO",
        "Asks for the memory budget and use.",
    )
    .request(
        layout(
            40,
            &[
                field(24, "adapter", Handle(&[Adapter]), "Host adapter handle.").uses(),
                field(
                    28,
                    "memory_segment_group",
                    Enum(&D3DKMT_MEMORY_SEGMENT_GROUP),
                    "Local or shared memory.",
                )
                .role(FieldRole::Segment),
                field(
                    32,
                    "physical_adapter_index",
                    U32,
                    "Which physical adapter of a linked set.",
                ),
            ],
        )
        .gap(36, 4),
    )
    .reply(layout(
        32,
        &[
            field(
                0,
                "budget",
                U64,
                "Bytes that the process should stay within.",
            )
            .role(FieldRole::Budget),
            field(8, "current_usage", U64, "Bytes in use.").role(FieldRole::InUse),
            field(16, "current_reservation", U64, "Bytes reserved."),
            field(
                24,
                "available_for_reservation",
                U64,
                "Bytes that could still be reserved.",
            ),
        ],
    ))
    .notes(&[
        "The driver spells the constant of this id in lower case; text \
         searches for the upper-case prefix miss it (28 was lower case too \
         until 2022).",
    ]),
    Message::new(
        Vgpu,
        37,
        "flush_heap_transitions",
        "FLUSHHEAPTRANSITIONS",
        "Waits for pending heap transitions.",
    )
    .request(layout(24, &[]))
    .reply_status()
    .notes(&["No body."]),
    Message::new(
        Vgpu,
        41,
        "query_allocation_residency",
        "QUERYALLOCATIONRESIDENCY",
        "Asks where allocations are resident.",
    )
    .request(
        layout(
            56,
            &[
                device_field(24),
                field(28, "resource", Handle(&[Resource]), "The resource.").uses(),
                field(32, "allocations", Pointer, "User pointer, ignore.").output(),
                field(
                    40,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
                field(44, "reserved", U32, "Unused.").reserved(),
                field(48, "residency_status", Pointer, "User pointer, ignore.").output(),
            ],
        )
        .tails(
            56,
            &[tail(
                "allocations_list",
                Handle(&[Allocation]),
                TailLength::Field("allocation_count"),
                "The allocations.",
            )
            .uses()],
        )
        .copied(),
    )
    .reply(
        layout(4, &[status_field(0)])
            .tails(
                4,
                &[tail(
                    "residency_status_list",
                    Enum(&D3DKMT_ALLOCATIONRESIDENCYSTATUS),
                    TailLength::RequestOrOne("allocation_count"),
                    "Per allocation: where it is.",
                )],
            )
            .round8(),
    )
    .notes(&["Exactly one of resource and allocation_count is non-zero."]),
    Message::new(
        Vgpu,
        49,
        "change_video_memory_reservation",
        "CHANGEVIDEOMEMORYRESERVATION",
        "Changes how much memory a process reserves.",
    )
    .request(
        layout(
            56,
            &[
                field(24, "process", U64, "Always 0.").always(0),
                field(32, "adapter", Handle(&[Adapter]), "Always 0.").always(0),
                field(
                    36,
                    "memory_segment_group",
                    Enum(&D3DKMT_MEMORY_SEGMENT_GROUP),
                    "Local or shared memory.",
                ),
                field(40, "reservation", U64, "Bytes to reserve."),
                field(
                    48,
                    "physical_adapter_index",
                    U32,
                    "Which physical adapter of a linked set.",
                ),
            ],
        )
        .gap(52, 4)
        .copied(),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        57,
        "offer_allocations",
        "OFFERALLOCATIONS",
        "Offers the memory of allocations for reuse.",
    )
    .request(
        layout(
            48,
            &[
                device_field(24),
                field(
                    28,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
                field(
                    32,
                    "priority",
                    Enum(&D3DKMT_OFFER_PRIORITY),
                    "The priority.",
                ),
                field(36, "flags", Flags32(&D3DKMT_OFFER_FLAGS), "Options."),
                field(
                    40,
                    "resources",
                    Bool,
                    "Whether the list holds resources instead of allocations.",
                ),
            ],
        )
        .gap(41, 3)
        .tails(
            44,
            &[tail(
                "allocations",
                Handle(&[Allocation, Resource]),
                TailLength::Field("allocation_count"),
                "Resource handles when resources == 1.",
            )
            .uses()
            .role(FieldRole::Offered)],
        ),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        58,
        "reclaim_allocations",
        "RECLAIMALLOCATIONS",
        "Takes offered memory back, and learns what was discarded.",
    )
    .request(
        layout(
            48,
            &[
                device_field(24),
                field(
                    28,
                    "paging_queue",
                    Handle(&[PagingQueue]),
                    "The paging queue.",
                )
                .uses()
                .role(FieldRole::Queue),
                field(
                    32,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
                field(
                    36,
                    "resources",
                    Bool,
                    "Whether the list holds resources instead of allocations.",
                ),
                field(
                    37,
                    "write_results",
                    Bool,
                    "Whether the reply lists what was discarded.",
                ),
            ],
        )
        .gap(38, 2)
        .tails(
            40,
            &[tail(
                "allocations",
                Handle(&[Allocation, Resource]),
                TailLength::Field("allocation_count"),
                "Resource handles when resources == 1.",
            )
            .uses()
            .role(FieldRole::Reclaimed)],
        )
        .slack(4),
    )
    .reply(
        layout(
            12,
            &[
                field(
                    0,
                    "paging_fence_value",
                    U64,
                    "Fence value at which the paging operation is done.",
                )
                .role(FieldRole::Progress),
                status_field(8),
            ],
        )
        .tails(
            12,
            &[tail(
                "discarded",
                Enum(&D3DDDI_RECLAIM_RESULT),
                TailLength::RequestIf("allocation_count", "write_results"),
                "Per allocation: what became of its content.",
            )],
        )
        .round8(),
    )
    .notes(&[
        "4 unused bytes follow the array.",
        "STATUS_PENDING is a normal success.",
    ]),
    Message::new(
        Vgpu,
        59,
        "set_allocation_priority",
        "SETALLOCATIONPRIORITY",
        "Sets residency priorities.",
    )
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "resource", Handle(&[Resource]), "The resource.").uses(),
                field(
                    32,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
            ],
        )
        .gap(36, 4)
        .tails(
            40,
            &[
                tail(
                    "allocations",
                    Handle(&[Allocation]),
                    TailLength::Field("allocation_count"),
                    "The allocations.",
                )
                .uses(),
                tail(
                    "priorities",
                    U32,
                    TailLength::FieldOrOne("allocation_count"),
                    "One priority per allocation.",
                ),
            ],
        ),
    )
    .reply_status()
    .notes(&[
        "Resource != 0 implies allocation_count == 0 and one priority.",
        "Tail starts at 40 (padded struct size), not at 36.",
    ]),
    Message::new(
        Vgpu,
        60,
        "get_allocation_priority",
        "GETALLOCATIONPRIORITY",
        "Asks for residency priorities.",
    )
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "resource", Handle(&[Resource]), "The resource.").uses(),
                field(
                    32,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
            ],
        )
        .gap(36, 4)
        .tails(
            40,
            &[
                tail(
                    "allocations",
                    Handle(&[Allocation]),
                    TailLength::Field("allocation_count"),
                    "The allocations.",
                )
                .uses(),
                tail(
                    "unused_result_area",
                    Byte,
                    TailLength::ResultArea {
                        head: 4,
                        element: 4,
                        count: "allocation_count",
                    },
                    "Guest bug: the zeroed result buffer is sent along.",
                )
                .output(),
            ],
        ),
    )
    .reply(
        layout(4, &[status_field(0)])
            .tails(
                4,
                &[tail(
                    "priorities",
                    U32,
                    TailLength::RequestOrOne("allocation_count"),
                    "One priority per allocation.",
                )],
            )
            .round8(),
    ),
];
