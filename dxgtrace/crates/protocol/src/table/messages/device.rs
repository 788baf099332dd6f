//! Devices, contexts and hardware queues.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        0,
        "create_device",
        "CREATEDEVICE",
        "Creates a device: the root of what a process does on an adapter.",
    )
    .request(
        layout(
            40,
            &[
                field(24, "flags", Flags32(&D3DKMT_CREATEDEVICEFLAGS), "Options."),
                field(28, "cdd_device", Bool, "Always 0.").always(0),
                field(
                    32,
                    "error_code",
                    Pointer,
                    "Address of one guest kernel counter shared by all devices; the \
                     host echoes it in SETGUESTDATA.guest_pointer. Treat as cookie. 0 \
                     in 2020/2021a drivers.",
                ),
            ],
        )
        .gap(29, 3),
    )
    .reply(layout(
        4,
        &[field(0, "device", Handle(&[Device]), "The device.")
            .creates()
            .destroyed_before(&[Process])],
    ))
    .notes(&[
        "The adapter is not in the body: it is implied by the channel, or \
         by ext_header.vgpu_luid when the global channel carries vGPU \
         commands.",
    ]),
    Message::new(
        Vgpu,
        1,
        "destroy_device",
        "DESTROYDEVICE",
        "Destroys a device with its contexts, queues and fences.",
    )
    .cause(
        "0x19; last close of the adapter (0x15) or of /dev/dxg; rollback \
                     of CREATEDEVICE.",
    )
    .request(
        layout(
            32,
            &[field(24, "device", Handle(&[Device]), "The device.").destroys()],
        )
        .gap(28, 4),
    )
    .reply_status()
    .notes(&[
        "The guest sends DESTROYALLOCATION for loose allocations and then \
         for resources before this message, but nothing for contexts, \
         hardware queues, paging queues or device (monitored) fences.",
    ]),
    Message::new(
        Vgpu,
        6,
        "create_context_virtual",
        "CREATECONTEXTVIRTUAL",
        "Creates an execution context.",
    )
    .request(
        layout(
            56,
            &[
                field(
                    24,
                    "context",
                    Handle(&[Context]),
                    "0 in the request; new handle in the response.",
                )
                .always(0),
                device_field(28),
                field(32, "node_ordinal", U32, "Which engine."),
                field(36, "engine_affinity", U32, "Which engines, as a mask."),
                field(40, "flags", Flags32(&D3DDDI_CREATECONTEXTFLAGS), "Options."),
                field(
                    44,
                    "client_hint",
                    Enum(&D3DKMT_CLIENTHINT),
                    "D3DKMT_CLIENTHINT.",
                ),
                field(
                    48,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
            ],
        )
        .tails(
            52,
            &[tail(
                "priv_drv_data",
                Byte,
                TailLength::Field("priv_drv_data_size"),
                "Private driver data.",
            )],
        )
        .slack(3),
    )
    .reply_echo(
        layout(
            56,
            &[
                field(24, "context", Handle(&[Context]), "The context.")
                    .creates()
                    .owned_by(&["device"]),
                field(28, "device", Handle(&[Device]), "The device."),
                field(32, "node_ordinal", U32, "Which engine."),
                field(36, "engine_affinity", U32, "Which engines, as a mask."),
                field(40, "flags", Flags32(&D3DDDI_CREATECONTEXTFLAGS), "Options."),
                field(
                    44,
                    "client_hint",
                    Enum(&D3DKMT_CLIENTHINT),
                    "Which kind of runtime asks.",
                ),
                field(
                    48,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
            ],
        )
        .tails(
            52,
            &[tail(
                "priv_drv_data",
                Byte,
                TailLength::Request("priv_drv_data_size"),
                "Updated by the host driver.",
            )],
        )
        .slack(3),
    )
    .notes(&[
        "Response is the whole command again including the 24-byte header, \
         without ext header; 3 unused tail bytes (sizeof 56, minus the \
         one-byte placeholder).",
    ]),
    Message::new(
        Vgpu,
        7,
        "destroy_context",
        "DESTROYCONTEXT",
        "Destroys a context with its hardware queues.",
    )
    .cause("0x05; rollback of CREATECONTEXTVIRTUAL.")
    .request(
        layout(
            32,
            &[field(24, "context", Handle(&[Context]), "The context.").destroys()],
        )
        .gap(28, 4),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        28,
        "get_device_state",
        "GETDEVICESTATE",
        "Asks for the state of a device.",
    )
    .cause(
        "0x0e (EXECUTION queries are answered from a cache until \
                     SETGUESTDATA has arrived at least once since the last query).",
    )
    .request(
        layout(
            80,
            &fields([
                device_field(24),
                field(
                    28,
                    "state_type",
                    Enum(&D3DKMT_DEVICESTATE_TYPE),
                    "Which state is asked for.",
                ),
                field(
                    32,
                    "execution_state",
                    Enum(&D3DKMT_DEVICEEXECUTION_STATE),
                    "Whether the device can still execute.",
                )
                .when(when("state_type", &[1]))
                .output(),
                field(
                    32,
                    "reset_state",
                    Flags32(&D3DKMT_DEVICERESET_STATE),
                    "What was reset.",
                )
                .when(when("state_type", &[3]))
                .output(),
                field(
                    32,
                    "page_fault_state.faulted_primitive_api_sequence_number",
                    U64,
                    "Which primitive faulted.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(
                    40,
                    "page_fault_state.faulted_pipeline_stage",
                    Enum(&DXGK_RENDER_PIPELINE_STAGE),
                    "Where in the pipeline.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(
                    44,
                    "page_fault_state.faulted_bind_table_entry",
                    U32,
                    "Which resource binding.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(
                    48,
                    "page_fault_state.page_fault_flags",
                    Flags32(&DXGK_PAGE_FAULT_FLAGS),
                    "What the fault was.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(
                    52,
                    "page_fault_state.fault_error_code",
                    Flags32(&DXGK_FAULT_ERROR_CODE),
                    "Error code of the fault.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(
                    56,
                    "page_fault_state.faulted_virtual_address",
                    Address,
                    "GPU address that faulted.",
                )
                .when(when("state_type", &[5]))
                .output(),
                field(32, "raw", Byte, "Raw view of the 48-byte union.")
                    .array(48)
                    .when(when("state_type", &[2, 4, 6]))
                    .output(),
            ]),
        )
        .copied(),
    )
    .reply(
        layout(
            64,
            &fields([
                field(0, "device", Handle(&[Device]), "The device."),
                field(
                    4,
                    "state_type",
                    Enum(&D3DKMT_DEVICESTATE_TYPE),
                    "Which state is asked for.",
                ),
                field(
                    8,
                    "execution_state",
                    Enum(&D3DKMT_DEVICEEXECUTION_STATE),
                    "Whether the device can still execute.",
                )
                .when(when("state_type", &[1])),
                field(
                    8,
                    "reset_state",
                    Flags32(&D3DKMT_DEVICERESET_STATE),
                    "What was reset.",
                )
                .when(when("state_type", &[3])),
                field(
                    8,
                    "page_fault_state.faulted_primitive_api_sequence_number",
                    U64,
                    "Which primitive faulted.",
                )
                .when(when("state_type", &[5])),
                field(
                    16,
                    "page_fault_state.faulted_pipeline_stage",
                    Enum(&DXGK_RENDER_PIPELINE_STAGE),
                    "Where in the pipeline.",
                )
                .when(when("state_type", &[5])),
                field(
                    20,
                    "page_fault_state.faulted_bind_table_entry",
                    U32,
                    "Which resource binding.",
                )
                .when(when("state_type", &[5])),
                field(
                    24,
                    "page_fault_state.page_fault_flags",
                    Flags32(&DXGK_PAGE_FAULT_FLAGS),
                    "What the fault was.",
                )
                .when(when("state_type", &[5])),
                field(
                    28,
                    "page_fault_state.fault_error_code",
                    Flags32(&DXGK_FAULT_ERROR_CODE),
                    "Error code of the fault.",
                )
                .when(when("state_type", &[5])),
                field(
                    32,
                    "page_fault_state.faulted_virtual_address",
                    Address,
                    "GPU address that faulted.",
                )
                .when(when("state_type", &[5])),
                field(8, "raw", Byte, "The state as it stands, 48 bytes.")
                    .array(48)
                    .when(when("state_type", &[2, 4, 6])),
                status_field(56),
            ]),
        )
        .gap(60, 4),
    ),
    Message::new(
        Vgpu,
        29,
        "mark_device_as_error",
        "MARKDEVICEASERROR",
        "Puts a device into the error state.",
    )
    .request(
        layout(
            32,
            &[
                device_field(24),
                field(28, "reason", Enum(&D3DKMT_DEVICE_ERROR_REASON), "Why."),
            ],
        )
        .copied(),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        33,
        "set_context_scheduling_priority",
        "SETCONTEXTSCHEDULINGPRIORITY",
        "Sets the priority of a context.",
    )
    .cause("0x30 (in_process = 0), 0x2f (in_process = 1).")
    .request(
        layout(
            40,
            &[
                field(24, "context", Handle(&[Context]), "The context.").uses(),
                field(28, "priority", I32, "The priority."),
                field(
                    32,
                    "in_process",
                    Bool,
                    "Whether the priority holds within the process only.",
                ),
            ],
        )
        .gap(33, 7),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        42,
        "flush_device",
        "FLUSHDEVICE",
        "Flushes the scheduler before a device goes away.",
    )
    .cause(
        "Before DESTROYDEVICE when the process closes its last adapter \
                     handle or exits; not before an explicit 0x19.",
    )
    .since(DriverEra::February2022)
    .request(layout(
        32,
        &[
            device_field(24),
            field(
                28,
                "reason",
                Enum(&FLUSH_SCHEDULER_REASON),
                "Always 4 (DEVICE_TERMINATE).",
            )
            .always(4),
        ],
    ))
    .reply_status(),
    Message::new(
        Vgpu,
        50,
        "create_hwqueue",
        "CREATEHWQUEUE",
        "Creates a hardware queue with its progress fence.",
    )
    .request(
        layout(
            72,
            &[
                field(24, "status", NtStatus, "0 in the request.").always(0),
                field(28, "hwqueue", Handle(&[HwQueue]), "The hardware queue.").output(),
                field(
                    32,
                    "hwqueue_progress_fence",
                    Handle(&[SyncObject]),
                    "The fence that counts finished submissions.",
                )
                .output(),
                field(
                    40,
                    "hwqueue_progress_fence_cpuva",
                    Pointer,
                    "Response: guest-physical address in the IO-space window, not a VA.",
                )
                .output(),
                field(
                    48,
                    "hwqueue_progress_fence_gpuva",
                    Address,
                    "GPU address of the fence value.",
                )
                .output(),
                field(56, "context", Handle(&[Context]), "The context.").uses(),
                field(60, "flags", Flags32(&D3DDDI_CREATEHWQUEUEFLAGS), "Options."),
                field(
                    64,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
            ],
        )
        .gap(36, 4)
        .tails(
            68,
            &[tail(
                "priv_drv_data",
                Byte,
                TailLength::Field("priv_drv_data_size"),
                "Private driver data.",
            )],
        )
        .slack(3)
        .at_least(72),
    )
    .reply_echo(
        layout(
            72,
            &[
                status_field(24),
                field(28, "hwqueue", Handle(&[HwQueue]), "The hardware queue.")
                    .creates()
                    .owned_by(&["context"]),
                field(
                    32,
                    "hwqueue_progress_fence",
                    Handle(&[SyncObject]),
                    "The fence that counts finished submissions.",
                )
                .creates()
                .owned_by(&["hwqueue"]),
                field(
                    40,
                    "hwqueue_progress_fence_cpuva",
                    Pointer,
                    "Despite its name, the guest-physical address of the fence value \
                     in the I/O window.",
                ),
                field(
                    48,
                    "hwqueue_progress_fence_gpuva",
                    Address,
                    "GPU address of the fence value.",
                ),
                field(56, "context", Handle(&[Context]), "The context."),
                field(60, "flags", Flags32(&D3DDDI_CREATEHWQUEUEFLAGS), "Options."),
                field(
                    64,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
            ],
        )
        .gap(36, 4)
        .tails(
            68,
            &[tail(
                "priv_drv_data",
                Byte,
                TailLength::Request("priv_drv_data_size"),
                "Private driver data.",
            )],
        )
        .slack(3)
        .at_least(72),
    )
    .notes(&["Response is the whole command including the 24-byte header."]),
    Message::new(
        Vgpu,
        51,
        "destroy_hwqueue",
        "DESTROYHWQUEUE",
        "Destroys a hardware queue and its progress fence.",
    )
    .cause("0x1b; rollback of CREATEHWQUEUE.")
    .request(
        layout(
            32,
            &[field(24, "hwqueue", Handle(&[HwQueue]), "The hardware queue.").destroys()],
        )
        .gap(28, 4),
    )
    .reply_status(),
    Message::new(
        Vgpu,
        61,
        "get_context_scheduling_priority",
        "GETCONTEXTSCHEDULINGPRIORITY",
        "Asks for the priority of a context.",
    )
    .cause("0x22 (in_process = 0), 0x21 (in_process = 1).")
    .request(
        layout(
            32,
            &[
                field(24, "context", Handle(&[Context]), "The context.").uses(),
                field(
                    28,
                    "in_process",
                    Bool,
                    "Whether the priority holds within the process only.",
                ),
            ],
        )
        .gap(29, 3),
    )
    .reply(layout(
        8,
        &[status_field(0), field(4, "priority", I32, "The priority.")],
    )),
];
