//! Adapters: opening, queries, escapes.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        2,
        "query_adapter_info",
        "QUERYADAPTERINFO",
        "Asks for a piece of information about the adapter.",
    )
    .impact(FailureImpact::Probe)
    .request(
        layout(
            40,
            &[
                field(
                    24,
                    "query_type",
                    Enum(&KMTQUERYADAPTERINFOTYPE),
                    "KMTQUERYADAPTERINFOTYPE; forwarded untouched.",
                ),
                field(28, "private_data_size", U32, "Bytes of private_data."),
            ],
        )
        .tails(
            32,
            &[tail(
                "private_data",
                Byte,
                TailLength::Field("private_data_size"),
                "Input and output share the same buffer size.",
            )],
        )
        .slack(7),
    )
    .reply_since(
        40,
        layout(4, &[status_field(0)]).tails(
            4,
            &[tail(
                "private_data",
                Byte,
                TailLength::Request("private_data_size"),
                "The data asked for.",
            )],
        ),
    )
    .reply(layout(0, &[]).tails(
        0,
        &[tail(
            "private_data",
            Byte,
            TailLength::Request("private_data_size"),
            "The data asked for.",
        )],
    ))
    .notes(&[
        "Request is 7 bytes longer than 32+N because the encoder uses \
         sizeof(40)+N-1; the last 7 bytes are zero.",
        "After receipt the guest edits ADAPTERTYPE (15) and \
         ADAPTERTYPE_RENDER (57) results (bits display_supported, \
         post_device, indirect_display_device, acg_supported, \
         support_set_timings cleared; paravirtualized set; compute_only set \
         from the PCI id), so user mode does not see the wire value.",
    ]),
    Message::new(
        Vgpu,
        3,
        "ddi_query_adapter_info",
        "DDIQUERYADAPTERINFO",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        13,
        "escape",
        "ESCAPE",
        "Carries private data between the user-mode and the host driver.",
    )
    .request(
        layout(
            56,
            &[
                field(
                    24,
                    "adapter",
                    Handle(&[Adapter]),
                    "Host adapter handle (from OPENADAPTER), not the guest handle.",
                )
                .uses(),
                device_field(28),
                field(32, "type", Enum(&D3DKMT_ESCAPETYPE), "What kind."),
                field(36, "flags", Flags32(&D3DDDI_ESCAPEFLAGS), "Options."),
                field(
                    40,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
                field(44, "context", Handle(&[Context]), "The context.").uses(),
            ],
        )
        .tails(
            48,
            &[tail(
                "priv_drv_data",
                Byte,
                TailLength::Field("priv_drv_data_size"),
                "Private driver data.",
            )
            .viewed_as(
                &BUILD_TEST_COMMAND_BUFFER,
                when_set("flags", &D3DDDI_ESCAPEFLAGS, "driver_known_escape"),
            )],
        )
        .slack(7),
    )
    .reply(layout(0, &[]).tails(
        0,
        &[tail(
            "priv_drv_data",
            Byte,
            TailLength::Request("priv_drv_data_size"),
            "Private driver data.",
        )],
    ))
    .notes(&[
        "Struct is 56 bytes, data starts at 48, so 7 unused bytes follow \
         the data.",
        "Type DRIVERPRIVATE with flags.driver_known_escape: sub-types 0 \
         and 1 never reach the wire; sub-type 3 is rebuilt by the guest as \
         BUILD_TEST_COMMAND_BUFFER (112 bytes) + dma buffer + dma private \
         data with the two pointers zeroed; others pass through (since \
         2023-04).",
        "No status in the response; size 0 means the guest accepts any \
         completion.",
    ]),
    Message::new(
        Vgpu,
        14,
        "open_adapter",
        "OPENADAPTER",
        "Opens the virtual GPU and declares the interface version.",
    )
    .cause(
        "Adapter start (driver load / device arrival), first message for \
                     an adapter.",
    )
    .header_process(HeaderProcess::Nobody)
    .impact(FailureImpact::Vital)
    .resets(ResetScope::Adapter)
    .request(layout(
        40,
        &[
            field(
                24,
                "vmbus_interface_version",
                U32,
                "The negotiated version (27, another value below 40, or 40).",
            )
            .role(FieldRole::Version),
            field(
                28,
                "vmbus_last_compatible_interface_version",
                U32,
                "Constant 16.",
            )
            .always(16)
            .role(FieldRole::Compatible),
            field(32, "guest_adapter_luid", Luid, "Never filled: 0.").always(0),
        ],
    ))
    .reply(layout(
        16,
        &[
            field(
                0,
                "host_adapter_handle",
                Handle(&[Adapter]),
                "The adapter as the host numbers it.",
            )
            .creates(),
            status_field(4),
            field(8, "vmbus_interface_version", U32, "Ignored by the guest.")
                .role(FieldRole::Version),
            field(
                12,
                "vmbus_last_compatible_interface_version",
                U32,
                "Ignored by the guest.",
            )
            .role(FieldRole::Compatible),
        ],
    ))
    .notes(&["Handle is stored even when status is a failure."]),
    Message::new(
        Vgpu,
        15,
        "close_adapter",
        "CLOSEADAPTER",
        "Closes the virtual GPU.",
    )
    .cause("Adapter stop (PCI remove, driver unload).")
    .header_process(HeaderProcess::Nobody)
    .request(
        layout(
            32,
            &[field(24, "host_handle", Handle(&[Adapter]), "The adapter.").destroys()],
        )
        .gap(28, 4),
    )
    .reply_unread()
    .notes(&[
        "Completion payload, if any, is ignored.",
        "Not sent when only the VMBus channel is removed (the channel is \
         closed directly).",
    ]),
    Message::new(
        Vgpu,
        30,
        "adapter_stop",
        "ADAPTERSTOP",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        36,
        "get_internal_adapter_info",
        "GETINTERNALADAPTERINFO",
        "Asks what the driver itself needs to know of the adapter, async \
                     mode among it.",
    )
    .cause("Adapter start, right after OPENADAPTER.")
    .header_process(HeaderProcess::Nobody)
    .impact(FailureImpact::Vital)
    .request(layout(24, &[]))
    .reply_since(40, layout(712, INTERNAL_ADAPTER_INFO))
    .reply(layout(704, fields_before(704, INTERNAL_ADAPTER_INFO)))
    .notes(&[
        "Response has no status.",
        "2020/2021a drivers only knew bits 0-2 of the word at 12.",
    ]),
    Message::new(
        Vgpu,
        43,
        "flush_adapter",
        "FLUSHADAPTER",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        44,
        "ddi_get_node_metadata",
        "DDIGETNODEMETADATA",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        48,
        "query_statistics",
        "QUERYSTATISTICS",
        "Asks for statistics of an adapter or a process.",
    )
    .impact(FailureImpact::Probe)
    .since(DriverEra::Early2021)
    .header_process(HeaderProcess::Target)
    .request(
        layout(
            832,
            &[
                field(24, "type", Enum(&D3DKMT_QUERYSTATISTICS_TYPE), "What kind."),
                field(
                    28,
                    "adapter_luid",
                    Luid,
                    "Host_adapter_luid from GETINTERNALADAPTERINFO, not the guest LUID.",
                ),
                field(
                    40,
                    "process",
                    U64,
                    "0 since 2023-02 (pid moved to header.process); user value before.",
                ),
                field(48, "result", Byte, "The statistics.")
                    .array(776)
                    .output(),
            ],
        )
        .gap(36, 4)
        .gap(824, 8)
        .copied(),
    )
    .reply(
        layout(
            784,
            &[
                status_field(0),
                field(4, "reserved", U32, "Unused.").reserved(),
                field(8, "result", Byte, "The statistics.").array(776),
            ],
        )
        .other_sizes(&[780]),
    )
    .notes(&[
        "Drivers before January 2022 expect a 780-byte response with \
         result at 4 (no reserved word).",
        "8 unused bytes end the request union (808 vs 800).",
    ]),
    Message::new(
        Vgpu,
        53,
        "get_driver_store_file",
        "GETDRIVERSTOREFILE",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        54,
        "read_driver_store_file",
        "READDRIVERSTOREFILE",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        55,
        "get_next_hard_link",
        "GETNEXTHARDLINK",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        62,
        "query_clock_calibration",
        "QUERYCLOCKCALIBRATION",
        "Reads the GPU and the CPU clock together.",
    )
    .impact(FailureImpact::Probe)
    .request(
        layout(
            64,
            &[
                field(24, "adapter", Handle(&[Adapter]), "Host adapter handle.").uses(),
                field(28, "node_ordinal", U32, "Which engine."),
                field(
                    32,
                    "physical_adapter_index",
                    U32,
                    "Which physical adapter of a linked set.",
                ),
                field(
                    36,
                    "clock_data.gpu_frequency",
                    U64,
                    "Output slot, user garbage.",
                )
                .output(),
                field(44, "clock_data.gpu_clock_counter", U64, "Output slot.").output(),
                field(52, "clock_data.cpu_clock_counter", U64, "Output slot.").output(),
                field(
                    60,
                    "clock_data.flags",
                    Flags32(&DXGK_GPUCLOCKDATA_FLAGS),
                    "Output slot.",
                )
                .output(),
            ],
        )
        .packed()
        .copied(),
    )
    .reply(
        layout(
            32,
            &[
                status_field(0),
                field(
                    4,
                    "clock_data.gpu_frequency",
                    U64,
                    "Ticks per second of the GPU clock.",
                ),
                field(12, "clock_data.gpu_clock_counter", U64, "GPU clock."),
                field(20, "clock_data.cpu_clock_counter", U64, "CPU clock."),
                field(
                    28,
                    "clock_data.flags",
                    Flags32(&DXGK_GPUCLOCKDATA_FLAGS),
                    "Options.",
                ),
            ],
        )
        .packed(),
    )
    .notes(&[
        "Byte-packed: 64-bit values at offsets 36/44/52 (request) and \
         4/12/20 (response).",
    ]),
    Message::new(
        Vgpu,
        65,
        "log_event",
        "LOGEVENT",
        "Named, but neither its layout nor a sender is public.",
    )
    .since(DriverEra::January2022),
    Message::new(
        Vgpu,
        68,
        "is_feature_enabled",
        "ISFEATUREENABLED",
        "Asks whether a feature of the adapter is enabled.",
    )
    .impact(FailureImpact::Probe)
    .since(DriverEra::April2023)
    .header_process(HeaderProcess::Nobody)
    .request(
        layout(
            32,
            &[field(
                24,
                "feature_id",
                Enum(&DXGK_FEATURE_ID),
                "DXGK_FEATURE_ID; forwarded untouched.",
            )],
        )
        .gap(28, 4),
    )
    .reply(
        layout(
            16,
            &[
                status_field(0),
                field(
                    4,
                    "descriptor.min_supported_version",
                    U16,
                    "Lowest supported version of the feature.",
                ),
                field(
                    6,
                    "descriptor.max_supported_version",
                    U16,
                    "Highest supported version of the feature.",
                ),
                field(
                    8,
                    "descriptor.flags",
                    Flags16(&DXGK_FEATURE_DESC_FLAGS),
                    "Options.",
                ),
                field(10, "result.version", U16, "Version in use."),
                field(
                    12,
                    "result.flags",
                    Flags16(&DXGK_ISFEATUREENABLED_RESULT_FLAGS),
                    "Options.",
                ),
            ],
        )
        .gap(14, 2),
    ),
];

/// Adapter information from the host. Older interface versions have fewer fields.
const INTERNAL_ADAPTER_INFO: &[Field] = &[
    field(
        0,
        "device_types",
        Flags32(&DXGK_DEVICE_TYPES),
        "What kind of device it is.",
    ),
    field(
        4,
        "driver_store_copy_mode",
        U32,
        "How the driver store is shared with the guest.",
    ),
    field(
        8,
        "driver_ddi_version",
        U32,
        "Version of the host driver model.",
    ),
    field(
        12,
        "secure_virtual_machine",
        U32,
        "The virtual machine is shielded.",
    )
    .bits(0, 1),
    field(
        12,
        "virtual_machine_reset",
        U32,
        "The virtual machine was reset.",
    )
    .bits(1, 1),
    field(
        12,
        "is_vail_supported",
        U32,
        "Windows application sharing is supported.",
    )
    .bits(2, 1),
    field(12, "hw_sch_enabled", U32, "Hardware scheduling is on.")
        .bits(3, 1)
        .since(DriverEra::Mid2021),
    field(
        12,
        "hw_sch_capable",
        U32,
        "Hardware scheduling is possible.",
    )
    .bits(4, 1)
    .since(DriverEra::Mid2021),
    field(
        12,
        "va_backed_vm",
        U32,
        "Guest memory is backed by host virtual memory.",
    )
    .bits(5, 1)
    .since(DriverEra::Mid2021),
    field(
        12,
        "async_msg_enabled",
        U32,
        "Switches the whole driver (all adapters) to async mode; rewritten \
                     at each adapter start.",
    )
    .bits(6, 1)
    .since(DriverEra::Mid2021)
    .role(FieldRole::AsyncMode),
    field(
        12,
        "hw_support_state",
        U32,
        "2-bit value, meaning not used by the guest.",
    )
    .bits(7, 2)
    .since(DriverEra::Mid2021),
    field(12, "reserved", U32, "Unused.").bits(9, 23).reserved(),
    field(
        16,
        "host_adapter_luid",
        Luid,
        "LUID of the physical adapter on the host; used in QUERYSTATISTICS.",
    ),
    field(24, "device_description", Utf16, "UTF-16LE.")
        .array(80)
        .role(FieldRole::Name),
    field(184, "device_instance_id", Utf16, "UTF-16LE.").array(260),
    field(
        704,
        "host_vgpu_luid",
        Luid,
        "Only when interface_version >= 40; replaces the PCI-config LUID \
                     in ext headers from then on.",
    )
    .role(FieldRole::VgpuLuid),
];
