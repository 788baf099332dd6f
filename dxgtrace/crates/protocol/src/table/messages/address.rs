//! GPU virtual addresses.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        16,
        "free_gpu_virtual_address",
        "FREEGPUVIRTUALADDRESS",
        "Frees a range of GPU addresses.",
    )
    .request(
        layout(
            48,
            &[
                field(24, "adapter", Handle(&[Adapter]), "Host adapter handle.").uses(),
                field(28, "reserved", U32, "Unused.").reserved(),
                field(32, "base_address", Address, "First GPU address.").role(FieldRole::Frees),
                field(40, "size", U64, "Bytes.").role(FieldRole::RangeBytes),
            ],
        )
        .copied(),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        17,
        "map_gpu_virtual_address",
        "MAPGPUVIRTUALADDRESS",
        "Maps an allocation at a GPU address.",
    )
    .request(
        layout(
            136,
            &[
                field(
                    24,
                    "paging_queue",
                    Handle(&[PagingQueue]),
                    "The paging queue.",
                )
                .uses()
                .role(FieldRole::Queue),
                field(32, "base_address", Address, "First GPU address."),
                field(
                    40,
                    "minimum_address",
                    Address,
                    "Lowest GPU address allowed.",
                ),
                field(
                    48,
                    "maximum_address",
                    Address,
                    "Highest GPU address allowed.",
                ),
                field(56, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(
                    64,
                    "offset_in_pages",
                    U64,
                    "First page within the allocation.",
                ),
                field(72, "size_in_pages", U64, "Pages to map.").role(FieldRole::RangePages),
                field(
                    80,
                    "protection",
                    Flags64(&D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE),
                    "Access rights.",
                ),
                field(
                    88,
                    "driver_protection",
                    U64,
                    "Access rights that only the host driver understands.",
                ),
                field(96, "reserved0", U32, "Unused.").reserved(),
                field(104, "reserved1", U64, "Unused.").reserved(),
                field(
                    112,
                    "virtual_address",
                    Address,
                    "Output slot, user garbage.",
                )
                .output(),
                field(120, "paging_fence_value", U64, "Output slot, user garbage.").output(),
                field(128, "device", Handle(&[Device]), "Always 0.").always(0),
            ],
        )
        .gap(28, 4)
        .gap(60, 4)
        .gap(100, 4)
        .gap(132, 4)
        .copied(),
    )
    .reply(
        layout(
            24,
            &[
                field(0, "virtual_address", Address, "The GPU address.").role(FieldRole::Maps),
                field(
                    8,
                    "paging_fence_value",
                    U64,
                    "Fence value at which the paging operation is done.",
                )
                .role(FieldRole::Progress),
                status_field(16),
            ],
        )
        .gap(20, 4),
    )
    .notes(&["STATUS_PENDING (0x103) is normal success."]),
    Message::new(
        Vgpu,
        18,
        "reserve_gpu_virtual_address",
        "RESERVEGPUVIRTUALADDRESS",
        "Reserves a range of GPU addresses.",
    )
    .request(
        layout(
            96,
            &[
                field(
                    24,
                    "adapter",
                    Handle(&[Adapter, PagingQueue]),
                    "Host adapter handle, or, when the user passed a paging queue \
                     handle, that paging queue handle unchanged.",
                )
                .uses(),
                field(32, "base_address", Address, "First GPU address."),
                field(
                    40,
                    "minimum_address",
                    Address,
                    "Lowest GPU address allowed.",
                ),
                field(
                    48,
                    "maximum_address",
                    Address,
                    "Highest GPU address allowed.",
                ),
                field(56, "size", U64, "Bytes.").role(FieldRole::RangeBytes),
                field(
                    64,
                    "reservation_type",
                    Enum(&D3DDDIGPUVIRTUALADDRESS_RESERVATION_TYPE),
                    "How the range behaves until it is mapped.",
                ),
                field(
                    72,
                    "driver_protection",
                    U64,
                    "Access rights that only the host driver understands.",
                ),
                field(80, "virtual_address", Address, "The GPU address.").output(),
                field(
                    88,
                    "paging_fence_value",
                    U64,
                    "Fence value at which the paging operation is done.",
                )
                .output(),
            ],
        )
        .gap(28, 4)
        .gap(68, 4)
        .copied(),
    )
    .reply(layout(
        16,
        &[
            field(0, "virtual_address", Address, "The GPU address.").role(FieldRole::Reserves),
            field(
                8,
                "paging_fence_value",
                U64,
                "Fence value at which the paging operation is done.",
            )
            .role(FieldRole::Progress),
        ],
    ))
    .notes(&[
        "The guest copies the (uninitialised) local result even when the \
         transport failed; wire unaffected.",
    ]),
    Message::new(
        Vgpu,
        19,
        "update_gpu_virtual_address",
        "UPDATEGPUVIRTUALADDRESS",
        "Queues a list of mapping operations on a context.",
    )
    .request(
        layout(
            120,
            &[
                field(24, "fence_value", U64, "The fence value."),
                device_field(32),
                field(36, "context", Handle(&[Context]), "The context.").uses(),
                field(
                    40,
                    "fence_object",
                    Handle(&[SyncObject]),
                    "Fence that is signalled when the operations are done.",
                )
                .uses(),
                field(44, "num_operations", U32, "1..2048.").range(1, 2048),
                field(
                    48,
                    "flags",
                    Flags32(&D3DDDI_UPDATEGPUVIRTUALADDRESS_FLAGS),
                    "Bit 0 do_not_wait.",
                ),
            ],
        )
        .gap(52, 4)
        .tails(
            56,
            &[struct_tail(
                "operations",
                &UPDATE_GPU_VA_OP,
                TailLength::Field("num_operations"),
                "The operations, in order.",
            )],
        ),
    )
    .reply_status(),
];
