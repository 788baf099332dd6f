//! Allocations, resources and their memory.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        4,
        "create_allocation",
        "CREATEALLOCATION",
        "Creates allocations, and a resource to hold them if asked to.",
    )
    .request(
        layout(
            64,
            &[
                device_field(24),
                field(
                    28,
                    "resource",
                    Handle(&[Resource]),
                    "Existing resource to extend, else 0.",
                )
                .uses(),
                field(
                    32,
                    "private_runtime_data_size",
                    U32,
                    "Bytes of private runtime data.",
                ),
                field(
                    36,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
                field(
                    40,
                    "alloc_count",
                    U32,
                    "Entries in the list of allocations.",
                )
                .range(1, 1024),
                field(
                    44,
                    "flags",
                    Flags32(&D3DKMT_CREATEALLOCATIONFLAGS),
                    "User flags; the guest additionally sets existing_sysmem when the \
                     first allocation has a system-memory pointer.",
                ),
                field(
                    48,
                    "private_runtime_resource_handle",
                    U64,
                    "Opaque user runtime value.",
                ),
                field(56, "make_resident", Bool, "Always 0.").always(0),
            ],
        )
        .gap(57, 7)
        .tails(
            64,
            &[
                struct_tail(
                    "alloc_info",
                    &ALLOC_INFO,
                    TailLength::Field("alloc_count"),
                    "What to create.",
                ),
                tail(
                    "private_runtime_data",
                    Byte,
                    TailLength::Field("private_runtime_data_size"),
                    "Private data of the user-mode runtime.",
                ),
                tail(
                    "priv_drv_data",
                    Byte,
                    TailLength::Field("priv_drv_data_size"),
                    "Resource private data; when flags.standard_allocation is set this \
                     is one STANDARD_ALLOCATION (24 bytes).",
                )
                .viewed_as(
                    &STANDARD_ALLOCATION,
                    when_set(
                        "flags",
                        &D3DKMT_CREATEALLOCATIONFLAGS,
                        "standard_allocation",
                    ),
                ),
                tail(
                    "alloc_priv_drv_data",
                    Byte,
                    TailLength::SumOf("alloc_info", "priv_drv_data_size"),
                    "Per-allocation blobs, concatenated in array order, no alignment.",
                ),
            ],
        ),
    )
    .reply(
        layout(
            16,
            &[
                field(
                    0,
                    "flags",
                    Flags32(&D3DKMT_CREATEALLOCATIONFLAGS),
                    "Options.",
                ),
                field(4, "resource", Handle(&[Resource]), "The resource.")
                    .creates()
                    .owned_by(&["device"])
                    .destroyed_before(&[Device])
                    .effect_when(when_set(
                        "flags",
                        &D3DKMT_CREATEALLOCATIONFLAGS,
                        "create_resource",
                    )),
                field(
                    8,
                    "global_share",
                    Handle(&[ResourceShare]),
                    "Ignored by the guest (it returns the user-supplied value).",
                ),
                field(12, "vgpu_flags", U32, "Ignored by the guest."),
            ],
        )
        .tails(
            16,
            &[
                struct_tail(
                    "allocation_info",
                    &ALLOC_INFO_RETURN,
                    TailLength::Request("alloc_count"),
                    "What was created.",
                ),
                tail(
                    "alloc_priv_drv_data",
                    Byte,
                    TailLength::SumOf("allocation_info", "priv_drv_data_size"),
                    "Concatenated, same order.",
                )
                .expected_len(TailLength::RequestSumOf("alloc_info", "priv_drv_data_size")),
            ],
        ),
    )
    .notes(&[
        "Limits enforced by the guest: 1..1024 allocations; exactly 1 for \
         standard allocations.",
        "ALLOC_INFO_RETURN.priv_drv_data_size may differ from the request, \
         yet the guest sizes the expected response from the request \
         values.",
        "Alloc_info carries no sysmem pointer: backing pages follow in \
         SETEXISTINGSYSMEMSTORE or SETEXISTINGSYSMEMPAGES, one sequence per \
         allocation.",
    ]),
    Message::new(
        Vgpu,
        5,
        "destroy_allocation",
        "DESTROYALLOCATION",
        "Destroys single allocations, or a resource with all of its own.",
    )
    .cause(
        "0x13; device teardown; rollback of CREATEALLOCATION / \
                     OPENRESOURCE.",
    )
    .request(
        layout(
            48,
            &[
                device_field(24),
                field(28, "resource", Handle(&[Resource]), "The resource.")
                    .destroys()
                    .effect_when(when("alloc_count", &[0])),
                field(
                    32,
                    "alloc_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
                field(
                    36,
                    "flags",
                    Flags32(&D3DDDICB_DESTROYALLOCATION2FLAGS),
                    "Options.",
                ),
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
            .destroys()],
        )
        .slack(8),
    )
    .reply_status()
    .notes(&[
        "8 unused bytes follow the array.",
        "Normal use: either resource != 0 with alloc_count 0, or resource \
         0 with alloc_count >= 1.",
        "Rollback of CREATEALLOCATION lists the new allocations with \
         resource = the request resource and flags.assume_not_in_use; a \
         resource created by the failed call is then destroyed by a second \
         message.",
        "Flags: 0x13 forwards user flags; teardown sends 0.",
    ]),
    Message::new(
        Vgpu,
        23,
        "lock2",
        "LOCK2",
        "Makes an allocation visible to the CPU.",
    )
    .cause(
        "0x25 (only when the allocation has no CPU address yet: \
                     existing-sysmem and already locked allocations are answered \
                     locally).",
    )
    .request(
        layout(
            64,
            &[
                device_field(24),
                field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(32, "flags", Flags32(&D3DDDICB_LOCK2FLAGS), "User flags."),
                field(36, "reserved", U32, "Unused.").reserved(),
                field(40, "data", Pointer, "0 on the wire.").always(0),
                field(48, "use_legacy_lock", Bool, "Always 0.").always(0),
                field(52, "legacy_flags", U32, "Always 0.").always(0),
                field(56, "priv_drv_data", U32, "Always 0.").always(0),
            ],
        )
        .gap(49, 3)
        .gap(60, 4)
        .copied(),
    )
    .reply(
        layout(
            16,
            &[
                status_field(0),
                field(
                    8,
                    "cpu_visible_buffer_offset",
                    Pointer,
                    "Despite its name an absolute guest-physical address inside the \
                     IO-space window; the guest maps allocation_size rounded down to \
                     pages.",
                ),
            ],
        )
        .gap(4, 4),
    )
    .notes(&[
        "Two different flag words: offset 32 (user) and offset 52 (legacy, \
         always 0).",
    ]),
    Message::new(
        Vgpu,
        24,
        "unlock2",
        "UNLOCK2",
        "Ends the visibility to the CPU.",
    )
    .cause(
        "0x37 (only when the guest lock refcount drops to 0, or for \
                     allocations whose CPU address is not an IO-space mapping).",
    )
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(32, "use_legacy_unlock", Bool, "Always 0.").always(0),
            ],
        )
        .gap(33, 7)
        .copied(),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        32,
        "open_resource",
        "OPENRESOURCE",
        "Gives a process its own handles of a shared resource.",
    )
    .request(
        layout(
            48,
            &[
                device_field(24),
                field(28, "nt_security_sharing", Bool, "Always 1.").always(1),
                field(
                    32,
                    "global_share",
                    Handle(&[NtShare]),
                    "Handle returned by CREATENTSHAREDOBJECT.",
                )
                .uses(),
                field(
                    36,
                    "allocation_count",
                    U32,
                    "Entries in the list of allocations.",
                ),
                field(
                    40,
                    "total_priv_drv_data_size",
                    U32,
                    "Size of the caller buffer; the data itself comes from the guest \
                     copy, not from the host.",
                ),
            ],
        )
        .gap(29, 3)
        .gap(44, 4),
    )
    .reply(
        layout(
            8,
            &[
                field(0, "resource", Handle(&[Resource]), "The resource.")
                    .creates()
                    .owned_by(&["device"])
                    .destroyed_before(&[Device]),
                status_field(4),
            ],
        )
        .tails(
            8,
            &[tail(
                "allocations",
                Handle(&[Allocation]),
                TailLength::Request("allocation_count"),
                "The allocations.",
            )
            .creates()
            .owned_by(&["resource"])],
        )
        .round8(),
    ),
    Message::new(
        Vgpu,
        39,
        "ddi_get_standard_allocation_driver_data",
        "DDIGETSTANDARDALLOCATIONDRIVERDATA",
        "Asks the host driver for the private data of a standard \
                     allocation.",
    )
    .cause(
        "0x06 with flags.standard_allocation: sent twice, first with both \
                     sizes 0 to learn them, then with the learned sizes.",
    )
    .request(layout(
        64,
        &fields([
            field(
                24,
                "alloc_type",
                Enum(&D3DKMDT_STANDARDALLOCATION_TYPE),
                "Only 4 (GDI surface) is ever sent.",
            )
            .always(4),
            field(
                28,
                "priv_driver_data_size",
                U32,
                "Bytes of private data for the allocation.",
            ),
            field(
                32,
                "priv_driver_resource_size",
                U32,
                "Bytes of private data for the resource.",
            ),
            field(36, "physical_adapter_index", U32, "0.").always(0),
            field(40, "primary.width", U32, "Width.").when(when("alloc_type", &[1])),
            field(44, "primary.height", U32, "Height.").when(when("alloc_type", &[1])),
            field(48, "primary.format", Enum(&D3DDDIFORMAT), "Pixel format.")
                .when(when("alloc_type", &[1])),
            field(
                52,
                "primary.refresh_rate.numerator",
                U32,
                "Refresh rate, numerator.",
            )
            .when(when("alloc_type", &[1])),
            field(
                56,
                "primary.refresh_rate.denominator",
                U32,
                "Refresh rate, denominator.",
            )
            .when(when("alloc_type", &[1])),
            field(60, "primary.vidpn_source_id", U32, "Display source.")
                .when(when("alloc_type", &[1])),
            field(40, "shadow.width", U32, "Width.").when(when("alloc_type", &[2])),
            field(44, "shadow.height", U32, "Height.").when(when("alloc_type", &[2])),
            field(48, "shadow.format", Enum(&D3DDDIFORMAT), "Pixel format.")
                .when(when("alloc_type", &[2])),
            field(52, "shadow.pitch", U32, "Bytes per line.").when(when("alloc_type", &[2])),
            field(40, "staging.width", U32, "Width.").when(when("alloc_type", &[3])),
            field(44, "staging.height", U32, "Height.").when(when("alloc_type", &[3])),
            field(48, "staging.pitch", U32, "Bytes per line.").when(when("alloc_type", &[3])),
            field(
                40,
                "gdi_surface.width",
                U32,
                "Heap size in bytes truncated to 32 bits.",
            )
            .when(when("alloc_type", &[4])),
            field(44, "gdi_surface.height", U32, "1.").when(when("alloc_type", &[4])),
            field(48, "gdi_surface.format", U32, "0.").when(when("alloc_type", &[4])),
            field(
                52,
                "gdi_surface.type",
                Enum(&D3DKMDT_GDISURFACETYPE),
                "7 (TEXTURE_CROSSADAPTER).",
            )
            .when(when("alloc_type", &[4])),
            field(56, "gdi_surface.flags", U32, "Options.").when(when("alloc_type", &[4])),
            field(60, "gdi_surface.pitch", U32, "Bytes per line.").when(when("alloc_type", &[4])),
        ]),
    ))
    .reply(
        layout(
            36,
            &fields([
                status_field(0),
                field(
                    4,
                    "priv_driver_data_size",
                    U32,
                    "Bytes of private data for the allocation.",
                ),
                field(
                    8,
                    "priv_driver_resource_size",
                    U32,
                    "Bytes of private data for the resource.",
                ),
                field(12, "primary.width", U32, "Width.").when(when_request("alloc_type", &[1])),
                field(16, "primary.height", U32, "Height.").when(when_request("alloc_type", &[1])),
                field(20, "primary.format", Enum(&D3DDDIFORMAT), "Pixel format.")
                    .when(when_request("alloc_type", &[1])),
                field(
                    24,
                    "primary.refresh_rate.numerator",
                    U32,
                    "Refresh rate, numerator.",
                )
                .when(when_request("alloc_type", &[1])),
                field(
                    28,
                    "primary.refresh_rate.denominator",
                    U32,
                    "Refresh rate, denominator.",
                )
                .when(when_request("alloc_type", &[1])),
                field(32, "primary.vidpn_source_id", U32, "Display source.")
                    .when(when_request("alloc_type", &[1])),
                field(12, "shadow.width", U32, "Width.").when(when_request("alloc_type", &[2])),
                field(16, "shadow.height", U32, "Height.").when(when_request("alloc_type", &[2])),
                field(20, "shadow.format", Enum(&D3DDDIFORMAT), "Pixel format.")
                    .when(when_request("alloc_type", &[2])),
                field(24, "shadow.pitch", U32, "Bytes per line.")
                    .when(when_request("alloc_type", &[2])),
                field(12, "staging.width", U32, "Width.").when(when_request("alloc_type", &[3])),
                field(16, "staging.height", U32, "Height.").when(when_request("alloc_type", &[3])),
                field(20, "staging.pitch", U32, "Bytes per line.")
                    .when(when_request("alloc_type", &[3])),
                field(12, "gdi_surface.width", U32, "Width.")
                    .when(when_request("alloc_type", &[4])),
                field(16, "gdi_surface.height", U32, "Height.")
                    .when(when_request("alloc_type", &[4])),
                field(20, "gdi_surface.format", U32, "Pixel format.")
                    .when(when_request("alloc_type", &[4])),
                field(
                    24,
                    "gdi_surface.type",
                    Enum(&D3DKMDT_GDISURFACETYPE),
                    "What kind.",
                )
                .when(when_request("alloc_type", &[4])),
                field(28, "gdi_surface.flags", U32, "Options.")
                    .when(when_request("alloc_type", &[4])),
                field(32, "gdi_surface.pitch", U32, "Bytes per line.")
                    .when(when_request("alloc_type", &[4])),
            ]),
        )
        .tails(
            36,
            &[
                tail(
                    "alloc_priv_data",
                    Byte,
                    TailLength::Request("priv_driver_data_size"),
                    "Private data for the allocation.",
                ),
                tail(
                    "resource_priv_data",
                    Byte,
                    TailLength::Request("priv_driver_resource_size"),
                    "Private data for the resource.",
                ),
            ],
        )
        .round8(),
    )
    .notes(&[
        "Header.process is the caller; there is no device field.",
        "Union in the response is not used by the guest.",
    ]),
    Message::new(
        Vgpu,
        45,
        "set_existing_sysmem_store",
        "SETEXISTINGSYSMEMSTORE",
        "Backs an allocation with guest pages of a GPADL.",
    )
    .cause(
        "0x06 with user memory, when the host did not announce \
                     map_guest_memory; follows CREATEALLOCATION, once per allocation.",
    )
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(
                    32,
                    "gpadl",
                    Handle(&[Gpadl]),
                    "GPADL handle, created beforehand on the GLOBAL channel even when \
                     the message goes on the vGPU channel.",
                )
                .uses(),
            ],
        )
        .gap(36, 4)
        .other_sizes(&[48, 56]),
    )
    .reply_status()
    .notes(&[
        "The GPADL is torn down by the guest after the allocation is \
         destroyed.",
        "One development tree (turn of 2021 to 2022) sent its kernel's GPADL \
         structure behind the handle: 48 bytes in all, or 56.",
    ]),
    Message::new(
        Vgpu,
        56,
        "update_allocation_property",
        "UPDATEALLOCATIONPROPERTY",
        "Changes where an allocation may or should live.",
    )
    .request(
        layout(
            64,
            &[
                field(
                    24,
                    "paging_queue",
                    Handle(&[PagingQueue]),
                    "The paging queue.",
                )
                .uses()
                .role(FieldRole::Queue),
                field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(
                    32,
                    "supported_segment_set",
                    U32,
                    "Segments where the allocation may live, as a mask.",
                ),
                field(
                    36,
                    "preferred_segment",
                    Flags32(&D3DDDI_SEGMENTPREFERENCE),
                    "Segments in order of preference.",
                ),
                field(
                    40,
                    "flags",
                    Flags32(&D3DDDI_UPDATEALLOCPROPERTY_FLAGS),
                    "Options.",
                ),
                field(48, "paging_fence_value", U64, "Output slot, user garbage.").output(),
                field(
                    56,
                    "property_mask_value",
                    Flags32(&D3DDDI_UPDATEALLOCPROPERTY_MASK),
                    "Which of the properties change.",
                ),
            ],
        )
        .gap(44, 4)
        .gap(60, 4)
        .copied(),
    )
    .reply(
        layout(
            16,
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
        .gap(12, 4),
    )
    .notes(&[
        "The fence value is meaningful (and copied to user mode) only with \
         STATUS_PENDING.",
    ]),
    Message::new(
        Vgpu,
        64,
        "query_resource_info",
        "QUERYRESOURCEINFO",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        66,
        "set_existing_sysmem_pages",
        "SETEXISTINGSYSMEMPAGES",
        "Backs an allocation with guest pages, in chunks of a fixed \
                     message size.",
    )
    .cause(
        "0x06 with user memory, when PCI host caps bit 0 \
                     (map_guest_memory) is set; repeated in chunks.",
    )
    .since(DriverEra::January2022)
    .request(
        layout(
            40,
            &[
                device_field(24),
                field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
                field(32, "num_pages", U32, "Pages in this chunk, at most 15867.").range(0, 15867),
                field(
                    36,
                    "alloc_offset_in_pages",
                    U32,
                    "Index of the first page of the chunk within the allocation.",
                ),
            ],
        )
        .tails(
            40,
            &[
                tail(
                    "pfns",
                    U64,
                    TailLength::Field("num_pages"),
                    "Guest page frame numbers (4 KiB).",
                ),
                tail(
                    "unused",
                    Byte,
                    TailLength::Fill,
                    "Zero in the first message of an allocation, stale PFNs of the \
                     previous chunk afterwards.",
                )
                .output(),
            ],
        )
        .total(126976),
    )
    .reply_status()
    .notes(&[
        "Always 126976 bytes (+16 ext header = 126992) regardless of \
         num_pages.",
    ]),
    Message::new(
        Vgpu,
        67,
        "invalidate_cache",
        "INVALIDATECACHE",
        "Invalidates the CPU cache over a part of an allocation.",
    )
    .since(DriverEra::February2023)
    .request(layout(
        56,
        &[
            device_field(24),
            field(28, "allocation", Handle(&[Allocation]), "The allocation.").uses(),
            field(32, "offset", U64, "First byte."),
            field(40, "length", U64, "Bytes."),
            field(48, "reserved", U64, "Always 0.").reserved(),
        ],
    ))
    .reply_status(),
];
