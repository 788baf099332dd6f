//! Structures that are array elements or the start of opaque data.

use super::named::*;
use crate::schema::*;

/// One allocation to create.
pub const ALLOC_INFO: Struct = Struct::new(
    "ALLOC_INFO",
    12,
    &[
        field(
            0,
            "flags",
            Flags32(&ALLOC_INFO_FLAGS),
            "D3DDDI_ALLOCATIONINFO2 flags (bit 0 primary, 1 stereo, 2 \
                     override_priority).",
        ),
        field(
            4,
            "priv_drv_data_size",
            U32,
            "Bytes of this allocation in the blob area.",
        ),
        field(8, "vidpn_source_id", U32, "Display source."),
    ],
    "One allocation to create.",
);

/// One allocation that was created.
pub const ALLOC_INFO_RETURN: Struct = Struct::with_gaps(
    "ALLOC_INFO_RETURN",
    72,
    &[
        field(0, "allocation", Handle(&[Allocation]), "The allocation.")
            .creates()
            .owned_by(&["resource", "device"])
            .destroyed_before(&[Device]),
        field(
            4,
            "priv_drv_data_size",
            U32,
            "Bytes of private driver data.",
        ),
        field(
            8,
            "allocation_flags",
            Flags32(&DXGKVMB_ALLOCFLAGS),
            "Properties of the allocation.",
        ),
        field(
            16,
            "allocation_size",
            U64,
            "Bytes; the guest derives the page count from it.",
        )
        .role(FieldRole::Size),
        field(24, "driver_info.allocation", U64, "Not used by the guest."),
        field(32, "driver_info.width", U32, "Width."),
        field(36, "driver_info.height", U32, "Height."),
        field(40, "driver_info.format", U32, "Pixel format."),
        field(
            44,
            "driver_info.multisample_method",
            U32,
            "Sampling method.",
        ),
        field(
            48,
            "driver_info.refresh_rate.numerator",
            U32,
            "Refresh rate, numerator.",
        ),
        field(
            52,
            "driver_info.refresh_rate.denominator",
            U32,
            "Refresh rate, denominator.",
        ),
        field(
            56,
            "driver_info.private_driver_attribute",
            U32,
            "Private attribute.",
        ),
        field(60, "driver_info.flags", U32, "Options."),
        field(64, "driver_info.rotation", U32, "Rotation."),
    ],
    &[(12, 4), (68, 4)],
    "One allocation that was created.",
);

/// One mapping operation.
pub const UPDATE_GPU_VA_OP: Struct = Struct::with_gaps(
    "UPDATE_GPU_VA_OP",
    64,
    &fields([
        field(
            0,
            "operation",
            Enum(&D3DDDI_UPDATEGPUVIRTUALADDRESS_OPERATION_TYPE),
            "Which operation.",
        ),
        field(8, "map.base_address", Address, "First GPU address.")
            .when(when("operation", &[0]))
            .role(FieldRole::Maps),
        field(16, "map.size", U64, "Bytes.")
            .when(when("operation", &[0]))
            .role(FieldRole::RangeBytes),
        field(
            24,
            "map.allocation",
            Handle(&[Allocation]),
            "The allocation.",
        )
        .when(when("operation", &[0]))
        .uses(),
        field(
            32,
            "map.allocation_offset",
            U64,
            "First byte within the allocation.",
        )
        .when(when("operation", &[0])),
        field(40, "map.allocation_size", U64, "Bytes of the allocation.")
            .when(when("operation", &[0])),
        field(8, "map_protect.base_address", Address, "First GPU address.")
            .when(when("operation", &[3]))
            .role(FieldRole::Maps),
        field(16, "map_protect.size", U64, "Bytes.")
            .when(when("operation", &[3]))
            .role(FieldRole::RangeBytes),
        field(
            24,
            "map_protect.allocation",
            Handle(&[Allocation]),
            "The allocation.",
        )
        .when(when("operation", &[3]))
        .uses(),
        field(
            32,
            "map_protect.allocation_offset",
            U64,
            "First byte within the allocation.",
        )
        .when(when("operation", &[3])),
        field(
            40,
            "map_protect.allocation_size",
            U64,
            "Bytes of the allocation.",
        )
        .when(when("operation", &[3])),
        field(
            48,
            "map_protect.protection",
            Flags64(&D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE),
            "Access rights.",
        )
        .when(when("operation", &[3])),
        field(
            56,
            "map_protect.driver_protection",
            U64,
            "Access rights that only the host driver understands.",
        )
        .when(when("operation", &[3])),
        field(8, "unmap.base_address", Address, "First GPU address.")
            .when(when("operation", &[1]))
            .role(FieldRole::Unmaps),
        field(16, "unmap.size", U64, "Bytes.")
            .when(when("operation", &[1]))
            .role(FieldRole::RangeBytes),
        field(
            24,
            "unmap.protection",
            Flags64(&D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE),
            "Access rights.",
        )
        .when(when("operation", &[1])),
        field(
            8,
            "copy.source_address",
            Address,
            "GPU address to copy from.",
        )
        .when(when("operation", &[2])),
        field(16, "copy.size", U64, "Bytes.")
            .when(when("operation", &[2]))
            .role(FieldRole::RangeBytes),
        field(24, "copy.dest_address", Address, "GPU address to copy to.")
            .when(when("operation", &[2]))
            .role(FieldRole::Maps),
    ]),
    &[(4, 4)],
    "One mapping operation.",
);

/// Description of a standard allocation.
pub const STANDARD_ALLOCATION: Struct = Struct::new(
    "STANDARD_ALLOCATION",
    24,
    &[
        field(
            0,
            "type",
            Enum(&D3DKMT_STANDARDALLOCATIONTYPE),
            "What kind.",
        ),
        field(4, "reserved", U32, "Unused.").reserved(),
        field(
            8,
            "existing_heap_data.size",
            U64,
            "Bytes, page multiple, non-zero.",
        ),
        field(
            16,
            "flags",
            Flags32(&D3DKMT_CREATESTANDARDALLOCATIONFLAGS),
            "Options.",
        ),
        field(20, "reserved1", U32, "Unused.").reserved(),
    ],
    "Description of a standard allocation.",
);

/// The escape that asks the host driver for a test command buffer.
pub const BUILD_TEST_COMMAND_BUFFER: Struct = Struct::new(
    "BUILD_TEST_COMMAND_BUFFER",
    112,
    &fields([
        field(
            0,
            "escape_type",
            Enum(&D3DDDI_DRIVERESCAPETYPE),
            "Which built-in escape.",
        ),
        field(4, "device", Handle(&[Device]), "The device.").when(when("escape_type", &[3])),
        field(8, "context", Handle(&[Context]), "The context.").when(when("escape_type", &[3])),
        field(12, "flags", U32, "Options.").when(when("escape_type", &[3])),
        field(
            16,
            "command.buffer",
            Byte,
            "Description of the test commands.",
        )
        .array(72)
        .when(when("escape_type", &[3])),
        field(88, "dma_buffer", Pointer, "0 on the wire.").when(when("escape_type", &[3])),
        field(96, "dma_buffer_priv_data", Pointer, "0 on the wire.")
            .when(when("escape_type", &[3])),
        field(104, "dma_buffer_size", U32, "Bytes of the command buffer.")
            .when(when("escape_type", &[3])),
        field(
            108,
            "dma_buffer_priv_data_size",
            U32,
            "Bytes of its private data.",
        )
        .when(when("escape_type", &[3])),
    ]),
    "The escape that asks the host driver for a test command buffer.",
);
